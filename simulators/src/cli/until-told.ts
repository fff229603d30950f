/** Waits for work to finish, or for the signal to stop. A second signal ends the process at once. */
export async function untilTold(finished: Promise<void>): Promise<'finished' | NodeJS.Signals> {
  const signals = ['SIGTERM', 'SIGINT'] as const
  let told: (signal: NodeJS.Signals) => void = () => {}
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    told = resolve
  })
  for (const signal of signals) {
    process.once(signal, () => {
      told(signal)
      process.once(signal, () => process.exit(1))
    })
  }
  return await Promise.race([finished.then(() => 'finished' as const), signalled])
}
