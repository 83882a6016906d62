/**
 * What a shell runs at TAB. They only ask `vslog completion words`, which prints a word and, after a tab, what it is: so nothing in them must change with the commands.
 * No words: the shell offers files.
 */
export const completionScripts = {
  // COMP_WORDS has the pieces between COMP_WORDBREAKS, and `=` and `:` are among those: the line itself has the words. What a break ends is not replaced by COMPREPLY.
  bash: `_vslog() {
  local line="\${COMP_LINE:0:COMP_POINT}" word found prefix
  local -a words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  word="\${words[\${#words[@]}-1]}"
  prefix=''
  if [[ $word == *[=:]* ]]; then
    prefix="\${word%"\${word##*[=:]}"}"
    [[ $COMP_WORDBREAKS == *"\${prefix: -1}"* ]] || prefix=''
  fi
  COMPREPLY=()
  while IFS=$'\\t' read -r found _; do
    [[ -z $found ]] && continue
    [[ $found == *= ]] && compopt -o nospace 2>/dev/null
    COMPREPLY+=("\${found#"$prefix"}")
  done < <("\${words[0]}" completion words -- "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F _vslog vslog
`,
  zsh: `#compdef vslog
_vslog() {
  local line
  local -a found parts open_words open_docs full_words full_docs
  found=("\${(@f)$("\${words[1]}" completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $found; do
    [[ -z $line ]] && continue
    parts=("\${(@s:\t:)line}")
    if [[ $parts[1] == *= ]]; then
      open_words+=("$parts[1]")
      open_docs+=("$parts[1]  \${parts[2]:-}")
    else
      full_words+=("$parts[1]")
      full_docs+=("$parts[1]  \${parts[2]:-}")
    fi
  done
  if (( \${#open_words} + \${#full_words} == 0 )); then
    _files
    return
  fi
  (( \${#open_words} )) && compadd -l -S '' -d open_docs -- $open_words
  (( \${#full_words} )) && compadd -l -d full_docs -- $full_words
  return 0
}
if [[ $funcstack[1] == _vslog ]]; then
  _vslog "$@"
else
  compdef _vslog vslog
fi
`,
  fish: `function __vslog_words
  set -l before (commandline -opc)
  set -l found ($before[1] completion words -- $before[2..-1] (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c vslog -f -a '(__vslog_words)'
`,
} as const;

/** A shell that has completion. */
export type Shell = keyof typeof completionScripts;
