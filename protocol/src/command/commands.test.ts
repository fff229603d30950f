import { describe, expect, it } from 'vitest'
import { loadValidators } from '../ocpp/validators.ts'
import { OCPP_VERSIONS, type OcppVersion } from '../ocpp/version.ts'
import { actionsOf, COMMAND_KINDS, COMMANDS, type CommandKind, plan } from './commands.ts'
import { CommandFault, type PlanContext } from './define.ts'
import { EXAMPLES } from './examples.fixture.ts'

const limits = new Map<string, number>()
let takesUploads = true
const hasTls = true
const context = (version: OcppVersion): PlanContext => ({
  version,
  transactionIdOf: (sessionId) => (sessionId === 's' ? '7' : undefined),
  drawId: () => 99,
  itemsPerMessage: (action) => limits.get(action),
  bytesPerMessage: (action) => limits.get(`bytes of ${action}`),
  firmware: (firmwareId) =>
    takesUploads
      ? { location: `http://site/${firmwareId}`, signature: 's', signingCertificate: 'c' }
      : undefined,
  siteUrl: (profile) => (profile > 1 && !hasTls ? undefined : `wss://site/ocpp/`),
  uploadLocation: (kind) => (takesUploads ? `http://site/${kind}` : undefined),
})
async function planned(version: OcppVersion, kind: CommandKind, args: unknown) {
  const read = COMMANDS[kind].args.strict().parse(args)
  return plan(kind, read, await loadValidators(version), context(version))
}
async function fault(version: OcppVersion, kind: CommandKind, args: unknown): Promise<CommandFault> {
  const thrown = await planned(version, kind, args).then(
    (calls) => calls,
    (error: unknown) => error,
  )
  if (!(thrown instanceof CommandFault)) throw new Error(`no fault: ${JSON.stringify(thrown)}`)
  return thrown
}

describe.each(OCPP_VERSIONS)('in OCPP %s', (version) => {
  const kinds = COMMAND_KINDS.filter((it) => it !== 'ocpp.call') as (keyof typeof EXAMPLES)[]

  it('every command becomes valid calls of its own actions, or is refused as not there', async () => {
    for (const kind of kinds) {
      const made = new Set<string>()
      for (const args of EXAMPLES[kind]) {
        const calls = await planned(version, kind, args).catch((error: unknown) => error)
        if (calls instanceof CommandFault) {
          // An example of what another version can do.
          expect(['NotInVersion', 'InvalidArguments'], `${kind}: ${calls.message}`).toContain(calls.code)
          continue
        }
        if (!Array.isArray(calls)) throw calls
        expect(calls.length, kind).toBeGreaterThan(0)
        for (const { action } of calls) made.add(action)
      }
      expect([...made].sort(), kind).toEqual([...actionsOf(kind, version)].sort())
    }
  })

  it('what it has no command for is refused by its name', async () => {
    for (const kind of kinds) {
      if (actionsOf(kind, version).length > 0) continue
      const { code, path, message } = await fault(version, kind, EXAMPLES[kind][0])
      expect({ code, path }).toEqual({ code: 'NotInVersion', path: 'kind' })
      expect(message).toContain(`OCPP ${version} has no ${kind}; it is there in `)
    }
  })
})

describe('settings', () => {
  const named = (...names: string[]) => ({ settings: names.map((name) => ({ name, value: '1' })) })

  it('are one call each in 1.6, and in 2.x as many as the station takes in a message', async () => {
    expect(await planned('1.6', 'SetSettings', named('A', 'B'))).toEqual([
      { action: 'ChangeConfiguration', payload: { key: 'A', value: '1' } },
      { action: 'ChangeConfiguration', payload: { key: 'B', value: '1' } },
    ])
    expect(await planned('2.0.1', 'SetSettings', named('A.B', 'C.D', 'E.F'))).toHaveLength(1)
    limits.set('SetVariables', 2)
    const calls = await planned('2.1', 'SetSettings', named('A.B', 'C.D[x]', 'E[y].F'))
    limits.clear()
    expect(calls.map((it) => it.payload.setVariableData)).toEqual([
      [
        { component: { name: 'A' }, variable: { name: 'B' }, attributeValue: '1' },
        { component: { name: 'C' }, variable: { name: 'D', instance: 'x' }, attributeValue: '1' },
      ],
      [{ component: { name: 'E', instance: 'y' }, variable: { name: 'F' }, attributeValue: '1' }],
    ])
  })

  it('have the names of their version', async () => {
    const wrong = await fault('2.0.1', 'SetSettings', named('HeartbeatInterval'))
    expect(wrong.path).toBe('args.settings.0.name')
    expect(wrong.message).toContain('Component.Variable')
    const place = { settings: [{ name: 'A', evseId: 1 }] }
    expect((await fault('1.6', 'GetSettings', place)).path).toBe('args.settings.0.evseId')
    expect((await fault('2.1', 'GetSettings', {})).message).toContain('GetBaseReport')
  })
})

describe('a local list', () => {
  const entries = ['A', 'B', 'C'].map((value) => ({ idToken: { value }, status: 'Accepted' }))

  it('that is too long for a message is replaced by its first part, and the rest is added, up to the version asked for', async () => {
    limits.set('SendLocalList', 2)
    const calls = await planned('1.6', 'SendLocalList', { updateType: 'Full', versionNumber: 9, entries })
    expect(
      calls.map(({ payload }) => [
        payload.listVersion,
        payload.updateType,
        (payload.localAuthorizationList as unknown[]).length,
      ]),
    ).toEqual([
      [8, 'Full', 2],
      [9, 'Differential', 1],
    ])
    const low = { updateType: 'Full', versionNumber: 1, entries }
    expect((await fault('2.0.1', 'SendLocalList', low)).path).toBe('args.versionNumber')
    limits.clear()
  })
})

describe('what a version has no word for is refused, not left out', () => {
  const profile = EXAMPLES.SetChargingProfile[0]!
  it.each([
    ['1.6', 'Reset', { evseId: 1 }, 'args.evseId'],
    ['1.6', 'RemoteStart', { idToken: { value: 'T' }, groupIdToken: { value: 'G' } }, 'args.groupIdToken'],
    ['2.0.1', 'RemoteStart', { idToken: { value: 'T' }, connectorId: 1 }, 'args.connectorId'],
    ['2.0.1', 'Reset', { type: 'ImmediateAndResume' }, 'args.type'],
    ['1.6', 'Reset', { type: 'ImmediateAndResume' }, 'args.type'],
    [
      '1.6',
      'SetChargingProfile',
      { ...profile, chargingProfile: { ...profile.chargingProfile, maxOfflineDuration: 60 } },
      'args.chargingProfile.maxOfflineDuration',
    ],
    ['2.0.1', 'ChangeAvailability', { operationalStatus: 'Operative', connectorId: 1 }, 'args.evseId'],
    [
      '1.6',
      'InstallCertificate',
      { certificateType: 'MORootCertificate', certificate: 'x' },
      'args.certificateType',
    ],
    ['1.6', 'RemoteStop', { transactionId: 'tx' }, 'args.transactionId'],
    ['1.6', 'RemoteStop', {}, 'args.sessionId'],
    ['1.6', 'RemoteStop', { sessionId: 'gone' }, 'args.sessionId'],
    [
      '2.1',
      'SetDefaultTariff',
      { evseId: 0, tariff: { tariffId: 't', currency: 7 } },
      'args.tariff.currency',
    ],
  ] as const)('%s %s %j', async (version, kind, args, path) => {
    expect((await fault(version, kind, args)).path).toBe(path)
  })
})

it('a profile of 2.x is told in the words of 1.6', async () => {
  const { chargingProfile } = EXAMPLES.SetChargingProfile[1]!
  const args = { evseId: 2, chargingProfile, sessionId: 's' }
  const [call] = await planned('1.6', 'SetChargingProfile', args)
  expect(call).toEqual({
    action: 'SetChargingProfile',
    payload: {
      connectorId: 2,
      csChargingProfiles: {
        chargingProfileId: 7,
        transactionId: 7,
        stackLevel: 1,
        chargingProfilePurpose: 'TxProfile',
        chargingProfileKind: 'Relative',
        chargingSchedule: {
          chargingRateUnit: 'A',
          chargingSchedulePeriod: [{ startPeriod: 0, limit: 16 }],
        },
      },
    },
  })
})

it('firmware of the cloud comes from the site, with its signature', async () => {
  const firmwareId = '01234567-89ab-cdef-0123-456789abcdef'
  const args = { firmwareId, retrieveAt: '2026-11-27T12:00:00Z' }
  const [signed] = await planned('1.6', 'UpdateFirmware', args)
  expect(signed).toMatchObject({
    action: 'SignedUpdateFirmware',
    payload: { firmware: { location: `http://site/${firmwareId}`, signature: 's', signingCertificate: 'c' } },
  })
  for (const version of OCPP_VERSIONS) {
    expect((await fault(version, 'UpdateFirmware', { ...args, location: 'http://x/' })).path).toBe(
      'args.location',
    )
    expect((await fault(version, 'UpdateFirmware', { ...args, signature: 'x' })).path).toBe('args.signature')
    expect((await fault(version, 'UpdateFirmware', { retrieveAt: args.retrieveAt })).path).toBe(
      'args.location',
    )
    takesUploads = false
    const missing = await fault(version, 'UpdateFirmware', args)
    takesUploads = true
    expect(missing.path).toBe('args.firmwareId')
  }
})

describe('a log without a location', () => {
  it('goes to the site of the station', async () => {
    expect(await planned('1.6', 'GetDiagnostics', {})).toEqual([
      { action: 'GetDiagnostics', payload: { location: 'http://site/DiagnosticsLog' } },
    ])
    for (const version of OCPP_VERSIONS) {
      const [call] = await planned(version, 'GetLog', { logType: 'SecurityLog' })
      expect(call?.payload).toMatchObject({ log: { remoteLocation: 'http://site/SecurityLog' } })
    }
  })

  it('is refused where the site takes none, and one with a location is not', async () => {
    takesUploads = false
    try {
      for (const version of OCPP_VERSIONS)
        expect(await fault(version, 'GetLog', { logType: 'SecurityLog' })).toMatchObject({
          code: 'InvalidArguments',
          path: 'args.remoteLocation',
        })
      expect(await planned('1.6', 'GetDiagnostics', { location: 'ftp://x/' })).toHaveLength(1)
    } finally {
      takesUploads = true
    }
  })
})
