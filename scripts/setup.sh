#!/usr/bin/env bash
# Makes a checkout ready: toolchain, npm packages, build. With --tests also what the tests need. Quick when nothing has changed.
# Exit codes: 0 ready, 1 a step failed, 2 something must be installed by hand first.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/packages.sh
source scripts/packages.sh

fail() {
  echo "setup: $1" >&2
  exit "${2:-1}"
}

tests=no
for argument in "$@"; do
  case $argument in
    --tests) tests=yes ;;
    *) fail "\"$argument\" is no option of setup.sh; the only one is --tests" ;;
  esac
done

# Debian keeps modprobe, ipvsadm and bpftool where only root's path leads.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
mkdir -p .cache

# --- The toolchain

multiarch=$(gcc -print-multiarch 2>/dev/null || true)

present() {
  local name=${1#*:}
  case $1 in
    cmd:*) command -v "$name" >/dev/null ;;
    header:*) [[ -e /usr/include/$name || -e /usr/local/include/$name || ( -n $multiarch && -e /usr/include/$multiarch/$name ) ]] ;;
    # clang prints the bare name when it has no such library; newer releases leave the architecture out of the file's name.
    runtime:*) [[ $(clang -print-file-name="libclang_rt.$name-$(uname -m).a" 2>/dev/null) == /* ||
      $(clang -print-file-name="libclang_rt.$name.a" 2>/dev/null) == /* ]] ;;
    library:*) [[ -e /usr/lib/$name || ( -n $multiarch && -e /usr/lib/$multiarch/$name ) ]] ;;
    static:*) [[ -x $name ]] && ! ldd "$name" >/dev/null 2>&1 ;;
  esac
}

# The packages, each once, of what is not there.
missing() {
  local wanted=("${build_packages[@]}") i
  [[ $tests == no ]] || wanted+=("${test_packages[@]}")
  for ((i = 0; i < ${#wanted[@]}; i += 2)); do
    present "${wanted[i]}" || echo "${wanted[i + 1]}"
  done | sort -u
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null >>.cache/apt.log 2>&1
}

have_lists() { compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null; }

install_packages() {
  echo "setup: installing $*"
  : >.cache/apt.log
  # Lists may be missing (a fresh image) or too old to find the files they name: then, and only then, they are fetched.
  if ! have_lists || ! apt install -y --no-install-recommends "$@"; then
    apt update || echo 'setup: apt-get update failed, going on with the lists that are there' >&2
    if ! apt install -y --no-install-recommends "$@"; then
      tail -n 15 .cache/apt.log >&2
      fail "apt-get could not install $*; its output is in .cache/apt.log"
    fi
  fi
}

mapfile -t lacking < <(missing)
if ((${#lacking[@]})); then
  line="apt-get install -y --no-install-recommends ${lacking[*]}"
  command -v apt-get >/dev/null ||
    fail "this system has no apt-get, and these are missing, by their Debian names: ${lacking[*]}; install them and try again" 2
  [[ $(id -u) == 0 ]] || fail "packages are missing; run this and try again:
  sudo $line" 2
  install_packages "${lacking[@]}"
  multiarch=$(gcc -print-multiarch 2>/dev/null || true)
  mapfile -t lacking < <(missing)
  ((${#lacking[@]} == 0)) || fail "apt-get installed ${lacking[*]}, and yet what should be in there is not found" 2
fi

# at_least NAME FOUND WANTED [WHAT TO DO]
at_least() {
  [[ $(printf '%s\n%s\n' "$2" "$3" | sort -V | head -n 1) == "$3" ]] ||
    fail "$1 is version $2 and must be at least $3: ${4:-install a newer one, or use Debian 12 or later}" 2
}
first_version() { grep -oE '[0-9]+(\.[0-9]+)*' | head -n 1 || true; }

command -v node >/dev/null || fail 'node is missing: install Node.js 20 or later (https://nodejs.org/en/download)' 2
command -v npm >/dev/null || fail 'npm is missing: it comes with Node.js; Debian packs it apart, as npm' 2
at_least node "$(node -p process.versions.node)" 20 'install a newer one (https://nodejs.org/en/download)'
at_least g++ "$(g++ -dumpfullversion)" 12
at_least clang "$(clang -dumpversion)" 14
at_least cmake "$(cmake --version | first_version)" 3.25

# --- npm packages

stamp=$(cat package.json package-lock.json .npmrc | sha256sum | cut -d' ' -f1)-$(node -p 'process.platform + process.arch + process.versions.modules')
if [[ ! -d node_modules || $(cat node_modules/.vslog-stamp 2>/dev/null) != "$stamp" ]]; then
  echo 'setup: npm ci'
  node scripts/lock-integrity.mjs --check || fail 'a package that this machine would get has no hash, see above' 2
  # No package here needs its install script: native parts come ready-made as optional dependencies.
  npm ci --ignore-scripts --no-progress --loglevel=error </dev/null || fail 'npm ci failed, see above'
  echo "$stamp" >node_modules/.vslog-stamp
fi

# --- As whom collector and engine run where root starts them (docs/security.md); the same as deploy/systemd/vslog.sysusers

if [[ $tests == no && $(id -u) == 0 ]] && ! getent passwd vslog >/dev/null; then
  if groupadd --system --force vslog-collector 2>>.cache/apt.log &&
    useradd --system --user-group --home-dir /var/lib/vslog --no-create-home --shell /usr/sbin/nologin vslog 2>>.cache/apt.log; then
    echo 'setup: made the user vslog, as whom collector and engine run, and the group vslog-collector'
  else
    echo 'setup: the user vslog could not be made: collector and engine run as root' >&2
  fi
fi

# --- Build

bash scripts/build.sh

# --- What the tests need beside packages: fetched once for all checkouts

fetch() {
  bash "scripts/fetch-$1.sh" || fail "$2 could not be fetched, see above"
}

if [[ $tests == yes ]]; then
  # shellcheck source=scripts/downloads.sh
  source scripts/downloads.sh
  # Another checkout may fetch at this moment.
  exec 8>"$downloads/lock"
  flock -w 1800 8 || fail "another setup has held $downloads/lock for half an hour"
  # Asking apt for newer kernels takes seconds: once a week is enough.
  stamp=$downloads/kernels.stamp
  if [[ ! -e $stamp || scripts/fetch-kernels.sh -nt $stamp || -n $(find "$stamp" -mtime +7) || $(compgen -G "$downloads/kernels/*/.package" | wc -l) -lt 2 ]]; then
    [[ $(id -u) != 0 ]] || have_lists || apt update || fail 'apt-get update failed, see .cache/apt.log'
    fetch kernels 'the kernels to test on'
    touch "$stamp"
  fi
  # stale FOLDER PROGRAM SCRIPT
  stale() { [[ ! -x $downloads/$1/$2 || scripts/fetch-$3.sh -nt $downloads/$1/.package ]]; }
  ! stale prometheus usr/bin/promtool prometheus || fetch prometheus 'the Prometheus to test with'
  ! stale clickhouse-server usr/sbin/clickhouse-server clickhouse || fetch clickhouse 'the old ClickHouse server to test on'
  fetch deploy-tools 'the tools that check deploy/'
  fetch kafka 'the Kafka brokers to test on'
  exec 8>&-
fi
