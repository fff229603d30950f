import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { readFlags } from '../flags.mjs'
import { takenPorts } from './ports.ts'

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
})

async function occupy(): Promise<number> {
  const server = createServer()
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as { port: number }).port
}

test('every taken port is named with the flag that changes it, all at once', async () => {
  const [api, ocpp] = [await occupy(), await occupy()]
  const { ports } = readFlags(['--api-port', String(api), '--ocpp-port', String(ocpp)], {})
  const taken = await takenPorts(ports, ['api', 'ocpp'], [])
  expect(taken).toHaveLength(2)
  expect(taken[0]).toMatch(new RegExp(`Port ${api} .*taken.*--api-port N`))
  expect(taken[1]).toMatch(new RegExp(`Port ${ocpp} .*taken.*--ocpp-port N`))
})

test('a port that nothing needs may be taken', async () => {
  const broker = await occupy()
  const { ports } = readFlags(['--broker-port', String(broker)], {})
  expect(await takenPorts({ ...ports, api: 0 }, ['api'], [])).toEqual([])
})
