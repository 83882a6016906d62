/** What a question of the page may take: people wait for it (s), and only so many rows can be read. */
export const LIMITS = { seconds: 30, rows: 10_000 };
