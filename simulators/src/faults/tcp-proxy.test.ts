import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../clock.ts'
import { BUFFER_MAX_BYTES, createTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** An echo server behind the proxy. */
let echo: Server
let echoPort: number
let proxy: TcpProxy
const clients: Socket[] = []
const served = new Set<Socket>()

beforeEach(async () => {
  echo = createServer((socket) => {
    served.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => served.delete(socket))
    socket.pipe(socket)
  })
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  echoPort = (echo.address() as { port: number }).port
  proxy = await createTcpProxy({ target: { host: '127.0.0.1', port: echoPort } })
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await proxy.close()
  for (const socket of served) socket.destroy()
  await new Promise((resolve) => echo.close(resolve))
})

async function open(): Promise<Socket> {
  const client = connect(proxy.port, proxy.host)
  client.on('error', () => {})
  clients.push(client)
  await once(client, 'connect')
  return client
}

async function onVirtualTime(): Promise<VirtualClock> {
  const clock = new VirtualClock(0)
  await proxy.close()
  proxy = await createTcpProxy({ target: { host: '127.0.0.1', port: echoPort }, clock })
  return clock
}

/** Real sockets, virtual time: a millisecond passes at every turn of the event loop. */
async function whileTimePasses<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let done = false
  const settled = work.finally(() => {
    done = true
  })
  while (!done) {
    clock.advance(1)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return settled
}

/** Resolves with what has come back once it is so long. */
async function received(client: Socket, length: number): Promise<string> {
  let text = ''
  for await (const chunk of client.iterator({ destroyOnReturn: false })) {
    text += chunk
    if (text.length >= length) break
  }
  return text
}

/** Unlike events.once it does not reject when an error comes first, as it does here. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe('TCP fault proxy', () => {
  it('passes bytes both ways, and ends', async () => {
    const client = await open()
    client.end('hello')
    expect(await received(client, 5)).toBe('hello')
    await until(() => proxy.connections() === 0)
  })

  it('cuts: open connections break, new ones fail, until healed', async () => {
    const client = await open()
    client.write('x')
    await received(client, 1)
    proxy.cut()
    await closed(client)
    const refused = connect(proxy.port, proxy.host)
    clients.push(refused)
    refused.on('error', () => {})
    await closed(refused)
    expect(proxy.connections()).toBe(0)
    proxy.heal()
    const again = await open()
    again.write('back')
    expect(await received(again, 4)).toBe('back')
  })

  it('holds what is sent into a black hole, on an open connection, and lets it through when healed', async () => {
    const client = await open()
    client.write('a')
    await received(client, 1)
    proxy.blackHole('up')
    let heard = ''
    client.on('data', (chunk) => {
      heard += chunk
    })
    client.write('lost?')
    // Another connection, unaffected in what it proves: the hole takes everything up.
    const other = await open()
    other.write('also')
    await until(() => proxy.connections() === 2)
    expect(heard).toBe('')
    expect(client.destroyed).toBe(false)
    proxy.heal()
    await until(() => heard === 'lost?')
    expect(await received(other, 4)).toBe('also')
  })

  it('pauses the sender at the bound of its buffer, and loses nothing', async () => {
    const client = await open()
    proxy.blackHole('up')
    const size = BUFFER_MAX_BYTES * 12
    const before = process.memoryUsage.rss()
    client.write(Buffer.alloc(size, 'z'))
    // The kernel's buffers and the proxy's are full when no more leaves: two looks at it agree.
    let written = -1
    while (written !== client.bytesWritten - client.writableLength) {
      written = client.bytesWritten - client.writableLength
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(size * 4)
    proxy.heal()
    let count = 0
    client.on('data', (chunk: Buffer) => {
      count += chunk.length
    })
    await until(() => count === size)
  })

  it('delays bytes by what it was told in each direction, in order', async () => {
    const clock = await onVirtualTime()
    const client = await open()
    proxy.delay(60)
    client.write('one ')
    client.write('two')
    expect(await whileTimePasses(clock, received(client, 7))).toBe('one two')
    expect(clock.mono()).toBeGreaterThanOrEqual(120)
  })

  it('narrows to a rate, in order and whole', async () => {
    const clock = await onVirtualTime()
    const client = await open()
    proxy.throttle(20_000)
    const text = Array.from({ length: 1_000 }, (_, i) => String(i).padStart(4, '0')).join('')
    client.write(text)
    expect(await whileTimePasses(clock, received(client, text.length))).toBe(text)
    expect(clock.mono()).toBeGreaterThanOrEqual(150)
  })

  it('resets in mid-message once so many bytes have passed, and each new connection again, until healed', async () => {
    const client = await open()
    client.write('before')
    expect(await received(client, 6)).toBe('before')
    proxy.resetAfter(4)
    let heard = ''
    client.on('data', (chunk) => {
      heard += chunk
    })
    client.write('abcdefgh')
    await closed(client)
    expect('abcd'.startsWith(heard)).toBe(true)
    const again = await open()
    again.resume()
    again.write('abcdefgh')
    await closed(again)
    proxy.heal()
    const whole = await open()
    whole.write('abcdefgh')
    expect(await received(whole, 8)).toBe('abcdefgh')
  })

  it('strands: what was connected is dead without a word, also after it healed, while new connections work', async () => {
    const stranded = await open()
    stranded.write('x')
    await received(stranded, 1)
    proxy.strand()
    let heard = ''
    stranded.on('data', (chunk) => {
      heard += chunk
    })
    stranded.write('lost')
    proxy.heal()
    const fresh = await open()
    fresh.write('works')
    expect(await received(fresh, 5)).toBe('works')
    expect([heard, stranded.destroyed]).toEqual(['', false])
    // The end does not reach the other side either.
    stranded.end()
    await closed(stranded)
    fresh.write('still')
    expect(await received(fresh, 5)).toBe('still')
    expect(served.size).toBe(2)
  })

  it('spreads connections over several targets, and passes over one that refuses', async () => {
    const named = async (name: string) => {
      const server = createServer((socket) => {
        socket.on('error', () => {})
        socket.end(name)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }
    const servers = [await named('one'), await named('two')]
    const [one, two] = servers as [Server, Server]
    await proxy.close()
    const target = servers.map((it) => ({ host: '127.0.0.1', port: (it.address() as { port: number }).port }))
    proxy = await createTcpProxy({ target })
    expect([await received(await open(), 3), await received(await open(), 3)].sort()).toEqual(['one', 'two'])
    await new Promise((resolve) => one.close(resolve))
    expect([await received(await open(), 3), await received(await open(), 3)]).toEqual(['two', 'two'])
    await new Promise((resolve) => two.close(resolve))
    const nobody = await open()
    nobody.resume()
    await closed(nobody)
  })

  it('refuses to start on a port that is taken', async () => {
    await expect(
      createTcpProxy({ target: { host: '127.0.0.1', port: echoPort }, port: proxy.port }),
    ).rejects.toThrow(/EADDRINUSE/)
  })
})
