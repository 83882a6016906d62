import { useEffect, useState } from 'preact/hooks';
import { get, post, Refusal } from './api.ts';

export interface Session {
  /** Whose token the browser sends by itself; null: nobody's. */
  readonly name: string | null;
  /** Something can be changed with a token. */
  readonly settable: boolean;
}

let asked: Promise<Session> | undefined;

/** Undefined while it is not known. */
export function useSession(): Session | undefined {
  const [session, set] = useState<Session>();
  useEffect(() => {
    asked ??= get<Session>('/api/session');
    asked.then(set, () => {
      asked = undefined;
    });
  }, []);
  return session;
}

/** The token that was typed, for as long as the tab is open. */
export const typed = {
  get: (): string | undefined => sessionStorage.getItem('token') ?? undefined,
  set: (token: string): void => sessionStorage.setItem('token', token),
  forget: (): void => sessionStorage.removeItem('token'),
};

/** Asks for a change with the token there is. A token that is none, or that only reads, is forgotten. */
export async function change<T>(path: string, body: Readonly<Record<string, string>>): Promise<T> {
  try {
    return await post<T>(path, body, typed.get());
  } catch (error) {
    if (error instanceof Refusal && (error.status === 401 || error.status === 403)) typed.forget();
    throw error;
  }
}
