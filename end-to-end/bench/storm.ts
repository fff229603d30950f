/** A controller is killed with a site full of stations in session; all of them come back at once, and none of their sessions is lost. */
import { controller } from './controller.ts'
import { Teller } from './server-process.ts'

const LOAD = new URL('./storm-load.js', import.meta.url).pathname
const STATIONS = 500

export async function storm(): Promise<void> {
  const server = await controller()
  const load = new Teller(LOAD, [server.url, String(STATIONS)])
  try {
    await load.next()
    await server.kill()
    await load.next()
    await server.start()
    const running = await server.sessions()
    load.go()
    const { bootMs, sinceMs } = await load.next<{ bootMs: number[]; sinceMs: number[] }>()
    const { ended } = await load.next<{ ended: number }>()
    const left = await server.sessions()
    const at = (values: number[], part: number) => {
      const sorted = [...values].sort((a, b) => a - b)
      return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]! / 1_000).toFixed(2)
    }
    console.log(
      `${STATIONS} stations come back at once to a controller that was killed: BootNotification answered after ` +
        `${at(bootMs, 0.5)} s (p50), ${at(bootMs, 0.99)} s (p99, goal < 5 s); all of them booted ${at(sinceMs, 1)} s after it was there; ` +
        `${running} sessions ran before, ${ended} stops were taken, ${left} sessions run on`,
    )
  } finally {
    await load.stop()
    await server.stop()
  }
}
