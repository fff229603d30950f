/**
 * Mosquitto's accounts, administered over its dynamic-security plugin with a credential of its own: a role per site with exact
 * topics, everything else closed. Requests and answers are JSON on $CONTROL topics (mosquitto.org, "Dynamic Security Plugin").
 */
import {
  DOWN_CHANNELS,
  downFilter,
  downTopic,
  UP_CHANNELS,
  UP_FILTER,
  upTopic,
} from '@switchyard/protocol/site/topics.ts'
import { connect, connectAsync } from 'mqtt'
import type { Logger } from 'pino'
import type { Clock, Random } from '../../platform/clock.ts'
import { unavailable } from '../../platform/http/problem.ts'
import { SHARE_GROUP } from '../link.ts'
import { CLOUD_DOWN_FILTER } from './access.ts'
import type { BrokerAccounts } from './accounts.ts'

const CONTROL = '$CONTROL/dynamic-security/v1'
const RESPONSE = `${CONTROL}/response`
/** An answer that takes longer does not count. */
const ANSWER_TIMEOUT_MS = 5_000
const RECONNECT_MS = 2_000

const CLOUD_ROLE = 'switchyard-cloud'
const siteRole = (siteId: string): string => `switchyard-site-${siteId}`

type Request = Record<string, unknown> & { command: string }
interface Answer {
  command: string
  correlationData?: string
  error?: string
  data?: unknown
}

export interface DynamicSecurityOptions {
  url: string
  username: string
  password: string
  clientId: string
  /** The cloud's own account, made and kept by this administration. */
  cloud: { username: string; password: string }
  clock: Clock
  random: Random
  log: Logger
}

export interface DynamicSecurity {
  accounts: BrokerAccounts
  /** Resolves when the defaults are closed and the cloud's own account stands. */
  ready: Promise<void>
  stop(): Promise<void>
}

export function createDynamicSecurity(options: DynamicSecurityOptions): DynamicSecurity {
  const { clock, random, log } = options
  const waiting = new Map<string, (answer: Answer) => void>()
  const client = connect(options.url, {
    protocolVersion: 4,
    clean: true,
    clientId: options.clientId,
    username: options.username,
    password: options.password,
    reconnectPeriod: RECONNECT_MS,
    // An account that is only being made, or a broker whose database is away, says no for a while.
    reconnectOnConnackError: true,
    resubscribe: false,
    queueQoSZero: false,
  })
  let stopped = false
  let prepared: () => void = () => {}
  const ready = new Promise<void>((resolve) => {
    prepared = resolve
  })

  client.on('error', (error) =>
    log.warn({ reason: error.message }, 'no administration of the broker; trying again'),
  )
  client.on('message', (_topic, payload) => {
    for (const answer of answersIn(payload)) waiting.get(answer.correlationData ?? '')?.(answer)
  })
  // At every connect: a broker that was set up anew is brought to the same state.
  client.on('connect', async () => {
    try {
      await client.subscribeAsync(RESPONSE, { qos: 1 })
      await closeDefaults()
      await putCloud()
      prepared()
      log.info('the broker is administered')
    } catch (error) {
      if (stopped) return
      log.error({ err: error }, 'the broker cannot be administered; trying again')
      client.stream.destroy()
    }
  })

  /** One request, its answer told apart by its correlation data. Rejects with what the broker says against it. */
  async function ask(request: Request, tolerated?: RegExp): Promise<void> {
    if (!client.connected) throw unavailable('the broker cannot be administered now')
    const correlationData = random.uuid()
    const answered = new Promise<Answer>((resolve, reject) => {
      const cancel = clock.after(ANSWER_TIMEOUT_MS, () => {
        waiting.delete(correlationData)
        reject(unavailable('the broker did not answer its administration in time'))
      })
      waiting.set(correlationData, (answer) => {
        cancel()
        waiting.delete(correlationData)
        resolve(answer)
      })
    })
    client.publish(CONTROL, JSON.stringify({ commands: [{ ...request, correlationData }] }), { qos: 1 })
    const { error } = await answered
    if (error !== undefined && !tolerated?.test(error))
      throw unavailable(`the broker: ${request.command}: ${error}`)
  }

  async function closeDefaults(): Promise<void> {
    const acls = [
      { acltype: 'publishClientSend', allow: false },
      { acltype: 'publishClientReceive', allow: false },
      { acltype: 'subscribe', allow: false },
      { acltype: 'unsubscribe', allow: true },
    ]
    await ask({ command: 'setDefaultACLAccess', acls })
  }

  async function putCloud(): Promise<void> {
    const { username, password } = options.cloud
    await putRole(CLOUD_ROLE, [
      { acltype: 'subscribeLiteral', topic: UP_FILTER },
      { acltype: 'subscribeLiteral', topic: `$share/${SHARE_GROUP}/${UP_FILTER}` },
      { acltype: 'publishClientReceive', topic: UP_FILTER },
      { acltype: 'publishClientSend', topic: CLOUD_DOWN_FILTER },
    ])
    // Changing an account ends its connections, those of other gateways too: only when the secret is another one.
    if (await signsIn(username, password)) return
    await putClient(username, password, CLOUD_ROLE)
  }

  async function signsIn(username: string, password: string): Promise<boolean> {
    try {
      const trial = await connectAsync(options.url, {
        protocolVersion: 4,
        clean: true,
        clientId: `switchyard-trial-${random.uuid()}`,
        username,
        password,
        reconnectPeriod: 0,
        connectTimeout: ANSWER_TIMEOUT_MS,
      })
      await trial.endAsync(true)
      return true
    } catch {
      return false
    }
  }

  async function putRole(rolename: string, rules: { acltype: string; topic: string }[]): Promise<void> {
    const acls = rules.map((it) => ({ ...it, priority: 0, allow: true }))
    await ask({ command: 'createRole', rolename, acls: [] }, /already exists/i)
    await ask({ command: 'modifyRole', rolename, acls })
  }

  async function putClient(username: string, password: string, rolename: string): Promise<void> {
    const roles = [{ rolename, priority: 0 }]
    await ask({ command: 'createClient', username, password, roles }, /already exists/i)
    // Also ends what is connected under the old secret.
    await ask({ command: 'modifyClient', username, password, roles })
    await ask({ command: 'enableClient', username })
  }

  return {
    ready,
    accounts: {
      async put(siteId, password) {
        await putRole(siteRole(siteId), [
          ...UP_CHANNELS.map((it) => ({ acltype: 'publishClientSend', topic: upTopic(siteId, it) })),
          ...DOWN_CHANNELS.map((it) => ({ acltype: 'publishClientReceive', topic: downTopic(siteId, it) })),
          { acltype: 'subscribeLiteral', topic: downFilter(siteId) },
          ...DOWN_CHANNELS.map((it) => ({ acltype: 'subscribeLiteral', topic: downTopic(siteId, it) })),
        ])
        await putClient(siteId, password, siteRole(siteId))
      },
      async remove(siteId) {
        await ask({ command: 'deleteClient', username: siteId }, /not found/i)
        await ask({ command: 'deleteRole', rolename: siteRole(siteId) }, /not found/i)
      },
    },
    async stop() {
      stopped = true
      await client.endAsync(!client.connected)
    },
  }
}

function answersIn(payload: Buffer): Answer[] {
  try {
    const { responses } = JSON.parse(payload.toString('utf8')) as { responses?: Answer[] }
    return Array.isArray(responses) ? responses : []
  } catch {
    return []
  }
}
