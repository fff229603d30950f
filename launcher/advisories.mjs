// What `pnpm audit --json` answers, read: known holes at the level that counts, or that there was no answer.

/** Holes of this level and above are problems. */
export const LEVEL = 'high'
const SEVERITIES = ['high', 'critical']

/** `{ problems, skipped }`: a line each; `skipped` says why nothing was audited. */
export function readAdvisories(text) {
  const answer = read(text)
  if (!answer?.advisories) {
    const reason = answer?.error?.code ?? 'no answer that can be read'
    return {
      problems: [],
      skipped: `not audited: the registry answers no audits (${reason}); --strict makes this an error`,
    }
  }
  const problems = Object.values(answer.advisories)
    .filter((it) => SEVERITIES.includes(it.severity))
    .map((it) => `${it.module_name} ${it.vulnerable_versions}: ${it.severity}: ${it.title} (${it.url})`)
  return { problems }
}

function read(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
