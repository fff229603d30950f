/** A file of variables as compose takes it (`--env-file`): NAME=value, comments, quotes. */

export interface EnvironmentFile {
  readonly values: ReadonlyMap<string, string>
  /** A line for each that cannot be read or says something twice; without any value. */
  readonly problems: readonly string[]
}

const LINE = /^(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/

export function readEnvironmentFile(text: string): EnvironmentFile {
  const values = new Map<string, string>()
  const problems: string[] = []
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, name, value] = LINE.exec(line) ?? []
    // The line itself may hold a secret, so it is only counted.
    if (name === undefined || value === undefined) problems.push(`line ${at + 1}: is not NAME=value`)
    else if (values.has(name)) problems.push(`${name}: is given a second time in line ${at + 1}`)
    else values.set(name, unquoted(value))
  }
  return { values, problems }
}

function unquoted(value: string): string {
  const quoted = /^(["'])(.*)\1(?:\s+#.*)?$/.exec(value)
  return quoted ? (quoted[2] as string) : value.replace(/\s+#.*$/, '')
}
