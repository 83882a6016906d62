import { useEffect, useRef, useState } from 'preact/hooks';
import { Field, Problem } from './parts.tsx';
import { typed, useSession } from './session.ts';

interface Question {
  readonly title: string;
  /** What will happen, for the person who answers. */
  readonly text: string;
  /** What the button says. */
  readonly act: string;
  /** Does it; resolves to what became of it. */
  run(): Promise<string>;
}

let ask: (question: Question) => void = () => undefined;

/** Asks whether something shall be changed, by whom, and does it. */
export function confirm(question: Question): void {
  ask(question);
}

/** Stands once in the page. */
export function Confirm() {
  const session = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const [question, setQuestion] = useState<Question>();
  const [needsToken, setNeedsToken] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState('');
  const wanting = (): boolean => session?.name === null && typed.get() === undefined;
  useEffect(() => {
    ask = (asked) => {
      setQuestion(asked);
      setProblem(undefined);
      setDone('');
      setNeedsToken(wanting());
      dialog.current?.showModal();
    };
  });
  const act = async (form: HTMLFormElement): Promise<void> => {
    const token = new FormData(form).get('token');
    if (typeof token === 'string' && token !== '') typed.set(token);
    setBusy(true);
    setProblem(undefined);
    try {
      setDone((await question?.run()) ?? '');
      dialog.current?.close();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setNeedsToken(wanting());
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <dialog
        ref={dialog}
        class="card"
        aria-labelledby="confirm-title"
        aria-describedby="confirm-text"
        onClose={() => {
          // The browser gives the focus back to what had it, unless that is gone: a button to drain is none any more once it has drained.
          if (document.activeElement === document.body) document.getElementById('main')?.focus();
        }}
      >
        <form
          key={question?.text}
          onSubmit={(event) => {
            event.preventDefault();
            void act(event.currentTarget);
          }}
        >
          <h2 id="confirm-title">{question?.title}</h2>
          <p id="confirm-text">{question?.text}</p>
          {needsToken && (
            <Field name="token" hint="Your token of the collector's console.token_file">
              <input name="token" type="password" autocomplete="off" required />
            </Field>
          )}
          {problem !== undefined && <Problem text={problem} />}
          <p class="row">
            <button type="submit" disabled={busy}>
              {question?.act}
            </button>
            <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </p>
          <p class="dim">The change is logged under your token's name.</p>
        </form>
      </dialog>
      <p class="done" role="status">
        {done}
      </p>
    </>
  );
}
