/** A fault becomes an alert that somebody hears: Prometheus and Alertmanager with our own rules, a site that is cut off, a webhook. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../../launcher/free-ports.mjs'
import { eventually, Program } from './process.ts'
import { type System, startSystem } from './system.ts'

const OBSERVABILITY = new URL('../../deploy/observability/', import.meta.url).pathname
const programs = {
  prometheus: '/usr/bin/prometheus',
  promtool: '/usr/bin/promtool',
  // Under Debian's name of it.
  alertmanager: '/usr/bin/prometheus-alertmanager',
}
const missing = Object.values(programs).filter((it) => !existsSync(it))

/** In the order of `targetUrls`. */
const TARGETS = [
  'api-gateway',
  'station-service',
  'driver-service',
  'billing-service',
  'monitoring-service',
  'ocpp-gateway',
  'site-gateway',
] as const
type TargetName = (typeof TARGETS)[number]

interface Notification {
  status: 'firing' | 'resolved'
  alerts: { status: string; labels: Record<string, string>; annotations: Record<string, string> }[]
}

describe.skipIf(missing.length > 0)('Prometheus and Alertmanager', () => {
  const directory = mkdtempSync(join(tmpdir(), 'switchyard-alerts-'))
  const heard: Notification[] = []
  const started: Program[] = []
  let webhook: Server
  let system: System
  let prometheusUrl: string

  beforeAll(async () => {
    webhook = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        heard.push(JSON.parse(Buffer.concat(chunks).toString()))
        response.end()
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => webhook.once('listening', resolve))
    system = await startSystem({ broker: 'mosquitto' })
    const [prometheusPort, managerPort] = await freePorts(2)
    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    const replaced = (name: string, from: string | RegExp, to: string) => {
      const text = readFileSync(join(OBSERVABILITY, name), 'utf8')
      expect(text).toMatch(from)
      return text.replace(from, to)
    }
    const receiver = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`
    const managerConfig = file(
      'alertmanager.yml',
      replaced('alertmanager/alertmanager.yml', /http:\/\/127\.0\.0\.1:9095\/alerts/, receiver),
    )
    cpSync(join(OBSERVABILITY, 'prometheus/rules.yml'), join(directory, 'rules.yml'))
    // As shipped, but for where things are: names of a network become ports of this machine.
    const config = replaced('prometheus/prometheus.yml', /alertmanager:9093/, `127.0.0.1:${managerPort}`)
      .replaceAll('dns_sd_configs', 'static_configs')
      .replaceAll(
        /\{ names: \[(.+?)\], .* \}/g,
        (_, name: TargetName) =>
          `{ targets: ["${new URL(system.targetUrls[TARGETS.indexOf(name)]!).host}"] }`,
      )
    const start = (name: string, command: string[]) => {
      const program = new Program(name, command, {})
      program.start()
      started.push(program)
    }
    start('alertmanager', [
      programs.alertmanager,
      `--config.file=${managerConfig}`,
      `--storage.path=${join(directory, 'alertmanager')}`,
      `--web.listen-address=127.0.0.1:${managerPort}`,
      '--cluster.listen-address=',
    ])
    start('prometheus', [
      programs.prometheus,
      `--config.file=${file('prometheus.yml', config)}`,
      `--storage.tsdb.path=${join(directory, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
    ])
    prometheusUrl = `http://127.0.0.1:${prometheusPort}`
  }, 120_000)
  afterAll(async () => {
    for (const program of started) await program.stop()
    await system?.stop()
    webhook?.close()
    rmSync(directory, { recursive: true, force: true })
  }, 60_000)

  const query = async (expression: string) => {
    const response = await fetch(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(expression)}`)
    const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } }
    return data.result.map((it) => Number(it.value[1]))
  }

  it('the rules do what their own tests say', () => {
    const { status, stderr, stdout } = spawnSync(
      programs.promtool,
      ['test', 'rules', join(OBSERVABILITY, 'prometheus/rules.test.yml')],
      { encoding: 'utf8' },
    )
    expect(status, `${stdout}${stderr}`).toBe(0)
  })

  it('every service is scraped, and what the rules record is there', async () => {
    await eventually('seven services that are up', async () => (await query('sum(up)'))[0] === 7)
    await eventually(
      'a recorded rule',
      async () => (await query('switchyard:consumer_lag_seconds:max')).length >= 4,
    )
  })

  const told = (status: string) =>
    heard
      .flatMap((it) => it.alerts)
      .find((it) => it.status === status && it.labels.alertname === 'SiteOffline')

  it.each([
    ['is cut off', () => system.link.cut()],
    ['is not heard any more, though its connection stands', () => system.link.blackHole()],
  ])(
    'a site that %s is told to the webhook by its name, with its runbook, and so is its return',
    async (fault, begin) => {
      heard.length = 0
      const begunAt = performance.now()
      begin()
      const alert = await eventually('the alert at the webhook', async () => told('firing'), 180_000)
      console.log(
        `a site that ${fault}: ${((performance.now() - begunAt) / 1_000).toFixed(1)} s to the webhook`,
      )
      expect(alert).toMatchObject({
        labels: { site: system.siteId, severity: 'critical' },
        annotations: { runbook: 'docs/runbooks/site-offline.md' },
      })
      system.link.heal()
      await eventually('its end at the webhook', async () => told('resolved'), 240_000)
    },
    360_000,
  )
})
