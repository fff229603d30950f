// A connection that is kept alive over a change and asks seldom, until SIGTERM: whoever closes it says so in an answer first. Closed in
// between, it could have been under a request, which is then lost.
//
//   node kept-alive.mjs URL        a line for each answer; ends with 1 when the connection was closed unsaid, or an answer was not 200
import { Agent, get } from 'node:http'
import { setTimeout } from 'node:timers/promises'

/** Well below the time after which an idle connection is closed. */
const EVERY_MS = 3000
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
let ended = false

function wrong(what) {
  if (ended) return
  ended = true
  console.log(what)
  agent.destroy()
  process.exit(1)
}

const seen = new WeakSet()
function watch(socket) {
  if (seen.has(socket)) return
  seen.add(socket)
  socket.on('close', () => {
    if (!socket.toldOfItsEnd) wrong('the connection was closed, and no answer had said so')
  })
}

function ask() {
  return new Promise((resolve) => {
    const call = get(process.argv[2], { agent, timeout: 20_000 }, (answer) => {
      answer.socket.toldOfItsEnd = answer.headers.connection === 'close'
      answer.resume()
      answer.on('end', () => {
        if (answer.statusCode !== 200) wrong(`answered ${answer.statusCode}`)
        console.log(`answered ${answer.headers.connection ?? ''}`)
        resolve()
      })
    })
    call.on('socket', watch)
    call.on('timeout', () => wrong('no answer within 20 s'))
    call.on('error', (it) => wrong(it.message))
  })
}

const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())
while (!stopping.signal.aborted) {
  await ask()
  await setTimeout(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
}
await ask()
ended = true
agent.destroy()
