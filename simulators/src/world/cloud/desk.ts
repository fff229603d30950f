/** What goes down from the cloud: commands until an outcome has come, documents until the site has them. */
import { createHash } from 'node:crypto'
import { type CommandKind, mayRepeat } from '@switchyard/protocol/command/commands.ts'
import { instant } from '@switchyard/protocol/instant.ts'
import type { Command } from '@switchyard/protocol/site/command.ts'
import type { DocumentName, DocumentVersion } from '@switchyard/protocol/site/document.ts'
import { give, isSilent, isUnrivalled } from '@switchyard/protocol/site/grant.ts'
import type { DownChannel } from '@switchyard/protocol/site/topics.ts'
import type { Stage } from '../stage.ts'
import type { Lane, Store } from './store.ts'

const COMMAND_RESEND_MS = 10_000
const DOCUMENT_RESEND_MS = 60_000
const FORGET_AFTER_MS = 60_000

export interface DeskPorts {
  stage: Stage
  store: Store
  /** A command is handed to the box of that boot. */
  handed(commandId: string, bootId: string | null): void
  /** An operator decided who speaks for a site. */
  decided(siteId: string): void
  /** By any replica that is up. */
  send(to: Lane, channel: DownChannel, body: object): void
}

export class Desk {
  readonly #ports: DeskPorts
  #versions = 0

  constructor(ports: DeskPorts) {
    this.#ports = ports
  }

  start(): void {
    this.#ports.stage.after(COMMAND_RESEND_MS, () => {
      for (const siteId of this.#ports.store.tables.sites.keys()) {
        this.flush(siteId, false)
        this.#askSuccessors(siteId)
      }
      this.start()
    })
  }

  command(
    siteId: string,
    id: string,
    stationId: string,
    kind: CommandKind,
    args: unknown,
    livesMs: number,
  ): void {
    const { stage, store } = this.#ports
    const command: Command = {
      id,
      stationId,
      kind,
      args: args as Command['args'],
      issuedAt: instant(stage.wallMs),
      expiresAt: instant(stage.wallMs + livesMs),
    }
    stage.tell('cloud', `commands ${id}: ${kind} at ${stationId}, ${livesMs} ms to live`)
    store.tables.commands.set(id, { siteId, command, sentAtMs: undefined, sentTo: undefined })
    this.flush(siteId, false)
  }

  /** An operator gives authority to a journal that the site has; whoever was asked for a new hello may not hear of it. */
  give(siteId: string, journalId: string): void {
    const { store, send, stage } = this.#ports
    const site = store.site(siteId)
    const lane = store.lane(siteId, journalId)
    if (!lane) return
    const given = give(site, journalId, lane)
    const concerned = [lane, store.authority(siteId)].map((it) => it && { ...it })
    for (const it of store.lanesOf(siteId)) it.fenced = it.journalId !== journalId
    lane.epoch = given.epoch
    Object.assign(site, given.site)
    this.#ports.decided(siteId)
    stage.tell('cloud', `an operator gives authority over ${siteId} to ${journalId} at epoch ${given.epoch}`)
    for (const to of concerned) if (to) send(to, 'recall', { reason: `${journalId} was given authority` })
  }

  /** As site-gateway does every few seconds: a new journal is asked again once the one in authority is silent. */
  #askSuccessors(siteId: string): void {
    const { store, stage, send } = this.#ports
    const site = store.site(siteId)
    if (site.journalId === null || !isSilent(site, stage.wallMs)) return
    for (const lane of store.lanesOf(siteId))
      if (lane.fenced && isUnrivalled(site, lane))
        send(lane, 'recall', { reason: 'the journal in authority is silent' })
  }

  settled(commandId: string): void {
    this.#ports.store.tables.commands.delete(commandId)
  }

  document(name: DocumentName, body: object): void {
    const { store, stage } = this.#ports
    const text = JSON.stringify(body)
    const version = { generation: store.generation, n: ++this.#versions }
    const sha256 = createHash('sha256').update(text).digest('hex')
    store.tables.documents.set(name, { name, version, sha256, body: text })
    stage.tell('cloud', `has ${name} ${version.generation}/${version.n}`)
    for (const siteId of store.tables.sites.keys()) this.flush(siteId, false)
  }

  wanted(): Record<string, DocumentVersion> {
    return Object.fromEntries([...this.#ports.store.tables.documents].map(([name, it]) => [name, it.version]))
  }

  /** What a site says at its hello is what it has. */
  heard(siteId: string, documents: Record<string, DocumentVersion>, authority: boolean): void {
    if (!authority) return
    const { held, sent } = this.#ports.store.tables
    for (const name of this.#ports.store.tables.documents.keys()) {
      held.delete(`${siteId}/${name}`)
      sent.delete(`${siteId}/${name}`)
    }
    for (const [name, version] of Object.entries(documents)) held.set(`${siteId}/${name}`, version)
  }

  applied(siteId: string, name: string, version: DocumentVersion): void {
    this.#ports.store.tables.held.set(`${siteId}/${name}`, version)
  }

  flush(siteId: string, again: boolean): void {
    const { store, stage, send, handed } = this.#ports
    const lane = store.authority(siteId)
    if (!lane) return
    if (lane.fenced) stage.broken('I8', `${siteId}: ${lane.journalId} has authority and is fenced`)
    const { commands, documents, held, sent } = store.tables
    for (const [id, pending] of commands) {
      if (pending.siteId !== siteId) continue
      const expiresMs = Date.parse(pending.command.expiresAt)
      if (expiresMs + FORGET_AFTER_MS < stage.wallMs) commands.delete(id)
      const { journalId, epoch, bootId } = lane
      const { sentTo } = pending
      const isElsewhere = sentTo && (sentTo.journalId !== journalId || sentTo.epoch !== epoch)
      if (isElsewhere || (sentTo && sentTo.bootId !== bootId && !mayRepeat(pending.command.kind))) {
        // It may have had its effect where it was sent, and whoever is there now cannot know.
        stage.tell('cloud', `gives up ${id}: another one speaks for the site since it was sent`)
        commands.delete(id)
        continue
      }
      const isDue = again || (pending.sentAtMs ?? Number.NEGATIVE_INFINITY) <= stage.nowMs - COMMAND_RESEND_MS
      if (expiresMs <= stage.wallMs || !isDue) continue
      pending.sentAtMs = stage.nowMs
      pending.sentTo = { journalId, epoch, bootId }
      handed(id, lane.bootId)
      send(lane, 'command', { command: pending.command })
    }
    for (const { name, version, sha256, body } of documents.values()) {
      const key = `${siteId}/${name}`
      if (isSame(held.get(key), version)) continue
      const before = sent.get(key)
      if (isSame(before, version) && before!.atMs > stage.nowMs - DOCUMENT_RESEND_MS) continue
      sent.set(key, { ...version, atMs: stage.nowMs })
      send(lane, 'document', { name, version, sha256, chunk: { index: 0, of: 1 }, body })
    }
  }
}

function isSame(a: DocumentVersion | undefined, b: DocumentVersion): boolean {
  return a?.generation === b.generation && a.n === b.n
}
