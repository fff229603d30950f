/**
 * Planted bugs: each undoes one rule that the promises of section 9 of docs/architecture.md rest on, so that `npm run simulate --
 * --mutations` can show that breaking it is noticed. The build writes `false` in place of every `mutated(...)` of a program
 * that ships (launcher/bundle.mjs): there is no switch in it to be turned.
 */

/** Name -> what goes wrong with it. */
export const MUTATIONS = {
  'answer-before-commit': 'a station is answered before the journal has committed',
  'synchronous-normal': 'a commit does not wait for the disk',
  'prune-unacknowledged': 'rows are removed that the cloud has not acknowledged',
  'cursor-past-gap': 'after a gap is refused, the site goes on behind it',
  'no-retransmission': 'a batch is sent once',
  'batch-skips-a-row': 'a batch begins one row too late',
  'command-before-journal': 'a command is carried out before it is remembered',
  'command-after-expiry': 'a command is carried out whenever it comes',
  'command-again-after-restart': 'a command that a restart cut off is carried out again',
  'older-document': 'a document is applied whatever version it has',
  'resent-start-is-new': 'a start that is sent again starts another session',
  'late-stop-ignored': 'a stop after a presumed end corrects nothing',
  'unmatched-stop-dropped': 'a stop that fits no session is not kept',
  'start-ends-nothing': 'a new session leaves the one before it on its connector open',
  'any-register': 'registers are billed whatever they say',
  'raise-before-decrease': 'one charger is raised before another is known to be lower',
  'no-failsafe': 'a station is not told its failsafe limit',
  'accept-gap': 'the cloud takes a batch though rows before it are missing',
  'accept-without-overlap-check': 'the cloud takes rows again that it has',
  'ack-without-row-id': 'an acknowledgement counts whatever row it names',
  'any-conversation': 'messages of the cloud count whatever conversation they name',
  'clock-floor-of-any-row': 'times of an unset clock count as known',
  'accept-fork': 'the cloud takes another history of a journal as its continuation',
  'no-fence': 'a second lane of a site gets authority while the first is heard',
  'rows-of-kin-twice': 'the cloud takes rows of a fork that it has of the journal which it came from',
  'grant-anew': 'every hello is granted a new epoch',
  'bill-every-revision': 'a correction is billed beside what it corrects',
  'bill-old-revision': 'an older revision of a session is billed after a newer one',
  'presumed-as-told': 'an end that one box presumed counts like one that another was told',
  'bill-in-spite-of-review': 'what its site holds for review is billed',
  'bill-overlaps': 'sessions that overlap on a connector are billed both',
  'cloud-acks-before-commit': 'the cloud acknowledges before it has committed',
} as const

export type Mutation = keyof typeof MUTATIONS

let planted: Mutation | undefined

/** Whether this bug is planted now. */
export function mutated(name: Mutation): boolean {
  return planted === name
}

/** Plants a bug in this process, or takes it out again. */
export function plant(name: Mutation | undefined): void {
  planted = name
}
