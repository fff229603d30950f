/** The site controller under measurement: the bundle that runs on the box. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../launcher/free-ports.mjs'
import { Teller } from './server-process.ts'

const CONTROLLER = new URL('../../edge-controller/dist/main.js', import.meta.url).pathname

export interface Server {
  url: string
  pid: number
  stop(): Promise<void>
}

export interface Controller extends Server {
  /** kill -9; its journal stays. */
  kill(): Promise<void>
  /** Again, over the same journal, on the same port. */
  start(): Promise<void>
  /** Sessions that run, as its panel tells. */
  sessions(): Promise<number>
}

/**
 * Alone, without a cloud, over a new journal, which `prepare` may write before; `env` comes on top. With `OCPP_TLS_PORT` in it stations
 * are met there.
 */
export async function controller(
  env: Record<string, string> = {},
  prepare: (journalFile: string) => Promise<void> = async () => {},
): Promise<Controller> {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-bench-'))
  const [ocpp, panel] = await freePorts(2)
  const start = async (): Promise<Teller> => {
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
      if (well) return teller
      if (teller.child.exitCode !== null) throw new Error('the controller ended at start')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  await prepare(join(directory, 'journal.db'))
  let teller = await start()
  return {
    url: env.OCPP_TLS_PORT ? `wss://127.0.0.1:${env.OCPP_TLS_PORT}/ocpp` : `ws://127.0.0.1:${ocpp}/ocpp`,
    pid: teller.child.pid!,
    kill: () => teller.stop('SIGKILL'),
    async start() {
      teller = await start()
    },
    async sessions() {
      const status = await fetch(`http://127.0.0.1:${panel}/api/status`)
      return ((await status.json()) as { sessions: number }).sessions
    },
    stop: async () => {
      await teller.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
