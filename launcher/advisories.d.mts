/** What `pnpm audit --json` answered: known holes at the level that counts, a line each, or why there was no audit. */
export function readAdvisories(text: string): { problems: string[]; skipped?: string }
