const OLDEST = [20, 19]

/** Ends the process with a message that says what to do when this Node is too old to run anything else here. */
export function checkNodeVersion(version) {
  const parts = version.split('.').map(Number)
  if (parts[0] > OLDEST[0] || (parts[0] === OLDEST[0] && parts[1] >= OLDEST[1])) return
  console.error(
    'Switchyard needs Node ' +
      OLDEST.join('.') +
      ' or newer; this is Node ' +
      version +
      ' (' +
      process.execPath +
      ').\n' +
      'Install a newer one, for example from https://nodejs.org/ or with a version manager, and run this again.',
  )
  process.exit(1)
}
