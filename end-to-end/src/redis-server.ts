/** The command of a Redis of one's own on loopback. It keeps nothing: what lies in Redis may go at any time. */
export function redisCommand(binary: string, folder: string, port: number): string[] {
  const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder }
  return [binary, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])]
}
