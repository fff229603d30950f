/** The site controller under measurement: the bundle that runs on the box. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../src/process.ts'
import { Teller } from './server-process.ts'

const CONTROLLER = new URL('../../edge-controller/dist/main.js', import.meta.url).pathname

export interface Server {
  url: string
  pid: number
  stop(): Promise<void>
}

/** Alone, without a cloud, over a new journal; `env` comes on top. */
export async function controller(env: Record<string, string> = {}): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-bench-'))
  const [ocpp, panel] = await freePorts(2)
  const teller = new Teller(CONTROLLER, [], {
    SITE_ID: 'bench',
    JOURNAL_FILE: join(directory, 'journal.db'),
    OCPP_PORT: String(ocpp),
    PANEL_PORT: String(panel),
    ONBOARDING: 'open',
    OFFLINE_POLICY: 'accept',
    LOG_LEVEL: 'error',
    ...env,
  })
  teller.child.stdout!.resume()
  for (;;) {
    const well = await fetch(`http://127.0.0.1:${panel}/health`).then(
      (r) => r.ok,
      () => false,
    )
    if (well) break
    if (teller.child.exitCode !== null) throw new Error('the controller ended at start')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url: `ws://127.0.0.1:${ocpp}/ocpp`,
    pid: teller.child.pid!,
    stop: async () => {
      await teller.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
