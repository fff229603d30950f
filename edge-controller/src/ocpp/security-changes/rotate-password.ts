/**
 * A station's next password (A01; 1.6: AuthorizationKey). The stations document holds its hash beside the one before, by the id of the
 * command; both are taken until the new one was used. Where the station has certainly not taken it, it is given up at once.
 */
import type { JsonObject } from '@switchyard/protocol/json.ts'
import type { CommandResult } from '../../execute.ts'
import { beginSending, giveUpRotation, isPasswordAsked, isProved } from '../../station/security.ts'
import { stationEntry } from '../../station/settings.ts'
import { stationOf } from '../../station/station.ts'
import { asksForReboot, type Change, comesBackWith, notDone } from './change.ts'

/** The document and the command come by ways of their own. */
const DOCUMENT_WAIT_MS = 60_000

export async function rotatePassword(change: Change): Promise<CommandResult> {
  const { command, state, stationId, standing } = change
  const isNext = () => stationEntry(state, stationId)?.next?.id === command.id
  const proved = () => isProved(state, stationId, command.id)
  if (!(await change.until(isNext, Math.min(DOCUMENT_WAIT_MS, change.leftMs()))))
    return notDone(
      'NotTheNextPassword',
      'the site was told of another password meanwhile, or of none; nothing was sent',
    )
  if (proved()) return PROVED
  await change.until(() => standing() !== undefined, change.leftMs())
  if (standing()?.credential.profile === 3)
    return givenUp(
      change,
      notDone(
        'NotInProfile',
        'this station comes with a certificate (profile 3): no connection would prove a password',
      ),
    )

  // Before a restart of the controller it may have come through: what becomes of it now says nothing of that.
  const wasSentBefore = stationOf(state, stationId)?.sentRotation === command.id
  if (standing() && !wasSentBefore) await change.commit((draft) => beginSending(draft, stationId, command.id))
  const sent = await change.issue('RotatePassword', command.args as JsonObject)
  if (wasNotTaken(sent)) return wasSentBefore ? sent : givenUp(change, sent)
  if (sent.status === 'failed') return sent
  if (!isPasswordAsked(state, stationId) && standing()?.credential.profile === 0) {
    const reply = { ...sent.reply, proved: false }
    const isUsed = await change.until(proved, Math.min(FIRST_USE_MS, change.leftMs()))
    return isUsed ? PROVED : { status: sent.status, reply }
  }
  if (await comesBackWith(change, proved, asksForReboot(sent))) return PROVED
  return notDone(
    'NotProved',
    'the station was given the new password, and no connection came with it in time: it and the one before are both taken',
  )
}

/** A station of profile 0 shows its password with the next profile: one that does so at once is seen to. */
const FIRST_USE_MS = 20_000

const PROVED: CommandResult = { status: 'accepted', reply: { status: 'Accepted', proved: true } }

/** Codes of ours: nothing was sent. */
const NOT_SENT: ReadonlySet<string | undefined> = new Set([
  ...[
    'StationOffline',
    'NotInVersion',
    'InvalidArguments',
    'LoadManagement',
    'NotSent',
    'TooManyWaiting',
    'Charging',
  ],
])

/** A CALLERROR leaves open what the station has kept. */
function wasNotTaken({ status, error }: CommandResult): boolean {
  return status === 'rejected' || status === 'expired' || (status === 'failed' && NOT_SENT.has(error?.code))
}

async function givenUp(change: Change, result: CommandResult): Promise<CommandResult> {
  const { stationId, command } = change
  const reason =
    result.error?.description ??
    `the station answered ${JSON.stringify(result.reply?.status ?? result.status)}`
  await change.commit((draft) => giveUpRotation(draft, stationId, command.id, reason))
  return result
}
