/** site-gateway: between sites and the event log. Facts come up over MQTT, commands and documents go down. */
import { timingSafeEqual } from 'node:crypto'
import { SITE_ID_PATTERN } from '@switchyard/protocol/site/topics.ts'
import { BUS } from '../platform/bus.ts'
import { poisonAlert } from '../platform/event-log/poison-alert.ts'
import { faultOf } from '../platform/log.ts'
import type { RunningService, Service, ServiceContext } from '../platform/service.ts'
import { createAnswers } from './answer.ts'
import { accountsByHand, type BrokerAccounts } from './broker/accounts.ts'
import { createDynamicSecurity } from './broker/dynamic-security.ts'
import { startEmbeddedBroker } from './broker/embedded-broker.ts'
import { createCommands } from './commands.ts'
import { createConversations } from './conversation.ts'
import { createCredentials, hashOf, isSecretOf } from './credentials.ts'
import { createDispatch, type Dispatch } from './dispatch.ts'
import { createDocuments } from './documents.ts'
import { createSend } from './down.ts'
import { createHellos, isHelloAgain } from './hellos.ts'
import { createIngest } from './ingest.ts'
import { createLink } from './link.ts'
import { createLivePictures } from './live.ts'
import { createGatewayMetrics } from './metrics.ts'
import { createPresence } from './presence.ts'
import { createProjection } from './project.ts'
import { awaitReturn } from './return.ts'
import { createRivals } from './rivals.ts'
import { createRoutes } from './routes.ts'
import { createSiteFigures } from './site-figures.ts'
import { createUploads } from './uploads.ts'

/** Connections of the pool that appends leave to hellos, live pictures, documents and the projection. */
const RESERVED_CONNECTIONS = 4

export const siteGateway: Service = {
  name: 'site-gateway',
  schema: 'site_gateway',
  start: startSiteGateway,
}

async function startSiteGateway(context: ServiceContext): Promise<RunningService> {
  const { sql, clock, log, eventLog, metrics: registry, random, config } = context
  const broker = await connectBroker(context)
  let dispatch: Dispatch | undefined
  const link = createLink({
    url: broker.url,
    username: config.mqtt.username,
    password: broker.password,
    clientId: `switchyard-cloud-${random.uuid()}`,
    sharedSubscriptions: config.mqtt.sharedSubscriptions,
    clock,
    log,
    onMessage: (topic, payload) => dispatch?.received(topic, payload),
  })
  const send = createSend(link, context)
  const conversations = createConversations(sql, clock)
  const presence = createPresence(context)
  const commands = createCommands(context, send)
  const documents = createDocuments(context, send, link.room)
  const metrics = createGatewayMetrics(registry, {
    depth: () => ingest.depth(),
    connected: link.ready,
    poison: () => poisonRows(sql),
  })
  const ingest = createIngest({
    eventLog,
    conversations,
    clock,
    random,
    log,
    appends: Math.max(1, config.poolSizes['site-gateway'] - RESERVED_CONNECTIONS),
    send,
    metrics,
    heard: presence.heard,
    poisoned: (siteId, tenantId) => void tellPoison(context, siteId, tenantId),
  })
  const figures = createSiteFigures(registry, clock)
  const pictures = createLivePictures(context, conversations, presence.heard, figures.take)
  const answers = createAnswers(context, conversations, send)
  const hellos = createHellos({ context, conversations, commands, documents, send, loadFor: ingest.loadFor })
  dispatch = createDispatch(
    {
      hello: hellos.take,
      ledger: (siteId, payload) => ingest.take(siteId, 'ledger', payload),
      telemetry: (siteId, payload) => ingest.take(siteId, 'telemetry', payload),
      live: pictures.take,
      // Not awaited: the next question of the site need not wait for the answer to this one; answers have a bound of their own.
      ask: (siteId, payload) => void answers.take(siteId, payload),
    },
    log,
    (channel) => metrics.dropped.inc({ channel }),
    isHelloAgain,
  )
  const uploads = createUploads(context)
  const rivals = createRivals(context, send)
  const unsubscribe = context.bus.subscribe(BUS.authority, (message) => {
    const { siteId } = message as { siteId?: unknown }
    if (typeof siteId === 'string') conversations.forget(siteId)
  })
  const loops = [
    presence.start(),
    commands.start(),
    documents.start(),
    rivals.start(),
    uploads.start(),
    awaitReturn(context, send),
  ]
  const failed = (what: string) => (error: Error) =>
    log.warn(faultOf(error), `${what} failed; it is tried again`)

  return {
    routes: createRoutes(context, {
      send,
      credentials: createCredentials(context, broker.accounts),
      uploads,
      received: dispatch.received,
    }),
    projections: [
      createProjection(
        eventLog.generation,
        commands,
        documents,
        (siteIds) => void commands.flush(siteIds).catch(failed('sending commands')),
        () => void documents.flush().catch(failed('sending documents')),
      ),
    ],
    notReady: () => (link.ready() ? undefined : 'the broker is not connected'),
    async stop() {
      // What was taken is committed and acknowledged before the connection goes.
      await dispatch?.stop()
      await ingest.drain()
      unsubscribe()
      await Promise.all(loops.map((it) => it.stop()))
      await presence.write()
      await link.stop()
      await broker.stop()
    },
  }
}

async function poisonRows(sql: ServiceContext['sql']): Promise<number> {
  const [row] = await sql<{ n: number }[]>`select count(*)::int as n from log.poison`
  return row?.n ?? 0
}

interface ConnectedBroker {
  url: string
  /** Password of the cloud's own account. */
  password: string
  accounts: BrokerAccounts
  stop(): Promise<void>
}

/** The embedded broker, or the one of MQTT_URL with its administration. */
async function connectBroker({ config, sql, clock, random, log }: ServiceContext): Promise<ConnectedBroker> {
  const { mqtt, broker } = config
  if (mqtt.url === undefined) {
    // Nobody outside needs this account, so its secret lives as long as the process.
    const password = mqtt.password ?? random.bytes(24).toString('base64url')
    const embedded = await startEmbeddedBroker({
      ...broker,
      log,
      async authenticate(username, given) {
        if (username === mqtt.username)
          return timingSafeEqual(hashOf(given), hashOf(password)) ? { kind: 'cloud' } : undefined
        if (!SITE_ID_PATTERN.test(username) || !(await isSecretOf(sql, username, given))) return undefined
        return { kind: 'site', siteId: username }
      },
    })
    log.info({ port: embedded.port }, 'the embedded broker listens')
    const host = broker.bindAddress === '0.0.0.0' ? '127.0.0.1' : broker.bindAddress
    return {
      url: `mqtt://${host}:${embedded.port}`,
      password,
      accounts: embedded.accounts,
      stop: embedded.close,
    }
  }
  const password = mqtt.password ?? ''
  if (mqtt.adminUsername === undefined || mqtt.adminPassword === undefined)
    return { url: mqtt.url, password, accounts: accountsByHand, async stop() {} }
  const administration = createDynamicSecurity({
    url: mqtt.url,
    username: mqtt.adminUsername,
    password: mqtt.adminPassword,
    clientId: `switchyard-admin-${random.uuid()}`,
    cloud: { username: mqtt.username, password },
    clock,
    random,
    log,
  })
  return { url: mqtt.url, password, accounts: administration.accounts, stop: administration.stop }
}

/** An alert for rows that are kept and cannot be read; raising it again changes nothing. */
async function tellPoison(
  { sql, eventLog, clock, log }: ServiceContext,
  siteId: string,
  tenantId: string,
): Promise<void> {
  try {
    await sql.begin((tx) => eventLog.publish(tx, poisonAlert({ tenantId, siteId }, clock.now())))
    eventLog.wake()
  } catch (error) {
    log.warn({ ...faultOf(error), siteId }, 'an alert was not raised')
  }
}
