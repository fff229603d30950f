/** Which page of docs/runbooks says what to do about an alert; a test holds every rule in the code against this table. */
const RUNBOOKS: Readonly<Record<string, string>> = {
  'site-offline': 'site-offline',
  'controller-swapped': 'swapped-card',
  'clone-suspected': 'cloned-card',
  'journal-forked': 'cloned-card',
  'lane-fenced': 'site-fenced',
  'cloud-restored': 'restored-cloud',
  poison: 'poison-event',
  'row-packed': 'poison-event',
  'projection-parked': 'poison-event',
  'journal-pressure': 'full-disk',
  'journal-corrupt': 'corrupt-journal',
  'stream-loss': 'corrupt-journal',
  'clock-unset': 'clock-without-ntp',
  'session-review': 'session-in-review',
  'stop-unmatched': 'session-in-review',
  'review-waiting': 'session-in-review',
  'station-refused': 'station-security',
  'certificate-not-installed': 'station-security',
  'security-event': 'station-security',
  'rollout-halted': 'rollout-halted',
  'der-alarm': 'grid-alarm',
}

/** Path of the page within the project; null for a rule that has none (of a newer version). */
export function runbookOf(rule: string): string | null {
  const page = Object.hasOwn(RUNBOOKS, rule) ? RUNBOOKS[rule] : undefined
  return page === undefined ? null : `docs/runbooks/${page}.md`
}
