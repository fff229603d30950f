/** Whether somebody watches while a deployment happens: Prometheus meets every target, has the rules, and reaches an Alertmanager. */
import { leftOut, ok, type Verdict, wrong } from './verdict.ts'

const TIMEOUT_MS = 10_000
/** Alerts that are up all the time by intention. */
const ALWAYS_UP = /^Watchdog$/

interface Answers {
  targets: { activeTargets: { health: string; labels: Record<string, string>; lastError?: string }[] }
  rules: { groups: { rules: { name: string; type: string; health: string }[] }[] }
  alertmanagers: { activeAlertmanagers: { url: string }[] }
  alerts: { alerts: { state: string; labels: Record<string, string> }[] }
}

/** `url`: Prometheus, e.g. http://127.0.0.1:9090; undefined: nobody was named. */
export async function checkMonitoring(url: string | undefined): Promise<Verdict> {
  if (url === undefined) return leftOut('nobody has looked: --prometheus URL says who watches')
  const ask = async <K extends keyof Answers>(what: K): Promise<Answers[K]> => {
    const answer = await fetch(new URL(`/api/v1/${what}`, url), { signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (!answer.ok) throw new Error(`/api/v1/${what} was answered ${answer.status}`)
    return ((await answer.json()) as { data: Answers[K] }).data
  }
  try {
    const { activeTargets } = await ask('targets')
    const rules = (await ask('rules')).groups.flatMap((it) => it.rules)
    const { activeAlertmanagers } = await ask('alertmanagers')
    const firing = (await ask('alerts')).alerts.filter((it) => it.state === 'firing')
    const down = activeTargets.filter((it) => it.health !== 'up')
    const alerting = rules.filter((it) => it.type === 'alerting')
    const problems = [
      ...(activeTargets.length === 0 ? ['Prometheus has no targets'] : []),
      ...down.map(
        (it) =>
          `${it.labels.job} ${it.labels.instance} is ${it.health}${it.lastError ? `: ${it.lastError}` : ''}`,
      ),
      ...(alerting.length === 0
        ? ['Prometheus has no rules for alerts (deploy/observability/prometheus)']
        : []),
      ...rules.filter((it) => it.health === 'err').map((it) => `the rule ${it.name} fails`),
      ...(activeAlertmanagers.length === 0 ? ['Prometheus knows no Alertmanager: alerts reach nobody'] : []),
      ...firing
        .filter((it) => !ALWAYS_UP.test(it.labels.alertname ?? ''))
        .map((it) => `${it.labels.alertname} is firing: mend that first`),
    ]
    return problems.length > 0
      ? wrong(...problems)
      : ok(`${activeTargets.length} targets up, ${alerting.length} rules for alerts, nothing fires`)
  } catch (error) {
    const { message, cause } = error as Error
    return wrong(`${url} does not answer: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}`)
  }
}
