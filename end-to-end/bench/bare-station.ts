/** A station of the benchmarks' loads: a bare WebSocket that knows its answers by their ids. */
import WebSocket from 'ws'

export interface BareStation {
  call(text: string, id: string): Promise<unknown[]>
  lost: Promise<void>
  /** Ends its connection without a word. */
  cut(): void
}

/** Undefined: nobody is there, or it is refused. `auth`: user and password. The certificate of the other side is not looked at. */
export async function connectBare(url: string, auth?: string): Promise<BareStation | undefined> {
  const socket = new WebSocket(url, ['ocpp1.6'], {
    perMessageDeflate: false,
    rejectUnauthorized: false,
    ...(auth === undefined ? {} : { auth }),
  })
  const waiting = new Map<string, (frame: unknown[]) => void>()
  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString()) as unknown[]
    const id = String(frame[1])
    // The controller asks too (its metering baseline): answered as a station that does not know the call.
    if (frame[0] === 2) return socket.send(`[4,"${id}","NotImplemented","",{}]`)
    waiting.get(id)?.(frame)
    waiting.delete(id)
  })
  const lost = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('open', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  if (!isOpen) return undefined
  return {
    lost,
    cut: () => socket.terminate(),
    call: (text, id) =>
      new Promise((resolve) => {
        waiting.set(id, resolve)
        socket.send(text)
      }),
  }
}
