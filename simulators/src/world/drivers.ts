/** Drivers come, charge and leave; and now and then somebody at a desk wants something of a charger. */
import { REMOTE_TOKEN } from './oracle/ledger.ts'
import type { World } from './world.ts'

const MINUTE_MS = 60_000
/** Above what a car takes at one phase, up to what the largest takes. */
const CAR_MA = [6_000, 10_000, 16_000, 32_000]

export function drive(world: World, activeMs: number): void {
  const { stage } = world
  let tokens = 0
  for (const { chargers } of world.sites)
    for (const charger of chargers) {
      const random = stage.random(`drivers ${charger.id}`)
      const next = (): void => {
        if (stage.nowMs > activeMs) return
        stage.after(random.int(10, 480) * 1_000, () => {
          if (stage.nowMs > activeMs) return
          const token = `T${++tokens}`
          const stayMs = random.int(30, 1_200) * 1_000
          const carMa = CAR_MA[random.int(0, CAR_MA.length - 1)]!
          void charger.present(token, carMa).then((isCharging) => {
            if (isCharging)
              stage.after(stayMs, () => {
                if (charger.session?.token === token)
                  charger.end(random.fraction() < 0.5 ? 'Local' : 'EVDisconnected')
              })
          })
          stage.after(stayMs, next)
        })
      }
      next()
    }
  command(world, activeMs)
  changeDocuments(world, activeMs)
}

/** Somebody changes a setting several times in a row, now and then: versions overtake each other on their way. */
function changeDocuments({ stage, desk }: World, activeMs: number): void {
  const random = stage.random('documents')
  for (let i = random.int(1, 4); i > 0; i--) {
    const atMs = random.int(0, activeMs)
    for (let n = 1; n <= 3; n++)
      stage.after(Math.min(activeMs, atMs + random.int(0, 5_000)), () =>
        desk.document('site', { offlinePolicy: 'accept', timeZone: `Etc/GMT-${random.int(1, 9)}` }),
      )
  }
}

function command(world: World, activeMs: number): void {
  const { stage, desk, oracle } = world
  const random = stage.random('desk')
  let commands = 0
  const next = (): void => {
    stage.after(random.int(20, 300) * 1_000, () => {
      if (stage.nowMs > activeMs) return
      next()
      const { siteId, chargers } = world.sites[random.int(0, world.sites.length - 1)]!
      const charger = chargers[random.int(0, chargers.length - 1)]!
      const id = `K${++commands}`
      const livesMs = [3_000, 30_000, 120_000, 600_000][random.int(0, 3)]!
      const draw = random.fraction()
      if (draw < 0.45) {
        const args = { action: 'DataTransfer', payload: { vendorId: 'world', data: id } }
        oracle.commanded(id, stage.wallMs + livesMs)
        desk.command(siteId, id, charger.id, 'ocpp.call', args, livesMs)
      } else if (draw < 0.85) {
        const token = `${REMOTE_TOKEN}${id}`
        oracle.commanded(token, stage.wallMs + livesMs)
        const args = {
          idToken: { value: token, type: charger.options.dialect.version === '1.6' ? 'Central' : 'ISO14443' },
        }
        desk.command(siteId, id, charger.id, 'RemoteStart', args, livesMs)
        stage.after(livesMs + random.int(1, 15) * MINUTE_MS, () => {
          if (charger.session?.token === token) charger.end('Local')
        })
      } else if (draw < 0.93) desk.command(siteId, id, charger.id, 'Reset', { type: 'Soft' }, livesMs)
      else desk.document('site', { offlinePolicy: 'accept', timeZone: `Etc/GMT+${random.int(1, 9)}` })
    })
  }
  next()
}
