/** Brings a database up to date with the cloud's own program, once, before there are several that would all do it. */
import { eventually, Program } from './process.ts'

/** `main` is the cloud's program. Throws with what it said when it fails, or when it has not ended in time. */
export async function migrate(main: string, env: Record<string, string>, timeoutMs: number): Promise<void> {
  let code: number | null | undefined
  const program = new Program('migrate', [process.execPath, main, 'migrate'], env, {
    onExit: (it) => {
      code = it
    },
  })
  program.start()
  await eventually('the migrations', () => code !== undefined, timeoutMs)
  if (code !== 0) throw new Error(`the migrations failed:\n${program.output.join('\n')}`)
}
