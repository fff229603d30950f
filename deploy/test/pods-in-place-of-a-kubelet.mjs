// In the place of scheduler and kubelet, which a test's cluster has not: no container runs here. A pod counts as started and ready when all that
// it names is there (settings, secrets and their keys, disks' claims) and its image is not tagged `bad`; a Job's pod then has done its work, and
// fails where the image is `bad`. A pod that is to go, goes. KUBE_API and API_TOKEN say where; every change is a line of JSON on standard output.
import { request } from 'node:https'

const NODE = 'in-place-of-a-node'
const EVERY_MS = 200
const { KUBE_API, API_TOKEN } = process.env

function ask(method, path, body, type = 'application/json') {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = { authorization: `Bearer ${API_TOKEN}`, 'content-type': type }
    // Of itself Node tells no length with a DELETE, and its body is then taken for the next request.
    headers['content-length'] = Buffer.byteLength(text)
    const it = request(KUBE_API + path, { method, headers, rejectUnauthorized: false }, (response) => {
      let told = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        told += part
      })
      // What is no object is said in words: that there was too much to do at once, or that nothing is at that path.
      response.on('end', () => {
        if (told.startsWith('{')) resolve({ status: response.statusCode, body: JSON.parse(told) })
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${told.slice(0, 200)}`))
      })
      response.on('error', reject)
    })
    it.on('error', reject)
    it.end(text)
  })
}

const tell = (what) => console.log(JSON.stringify(what))

/** Why a kubelet would not start it; undefined when all is there. */
async function missing({ metadata: { namespace }, spec }) {
  const find = async (kind, name) =>
    (await ask('GET', `/api/v1/namespaces/${namespace}/${kind}/${name}`)).body
  for (const { configMapRef } of spec.containers.flatMap((it) => it.envFrom ?? []))
    if (configMapRef && !(await find('configmaps', configMapRef.name)).data)
      return `ConfigMap ${configMapRef.name}`
  for (const volume of spec.volumes ?? []) {
    if (volume.configMap && !(await find('configmaps', volume.configMap.name)).data)
      return `ConfigMap ${volume.configMap.name}`
    const claim = volume.persistentVolumeClaim?.claimName
    if (claim && (await find('persistentvolumeclaims', claim)).kind !== 'PersistentVolumeClaim')
      return `claim ${claim}`
    const secrets = [
      ...(volume.secret ? [{ name: volume.secret.secretName, items: volume.secret.items }] : []),
      ...(volume.projected?.sources ?? []).flatMap((it) => (it.secret ? [it.secret] : [])),
    ]
    for (const { name, items = [] } of secrets) {
      const { data } = await find('secrets', name)
      if (!data) return `Secret ${name}`
      for (const { key } of items) if (!data[key]) return `key ${key} of Secret ${name}`
    }
  }
  return undefined
}

const isOfJob = ({ metadata }) => (metadata.ownerReferences ?? []).some((it) => it.kind === 'Job')
const isBad = ({ spec }) => spec.containers.some((it) => it.image.endsWith(':bad'))
const condition = (type, met) => ({
  type,
  status: met ? 'True' : 'False',
  lastTransitionTime: new Date().toISOString(),
})

function statusOf(pod, reason) {
  const done = isOfJob(pod)
  const started = reason === undefined
  const phase = done && isBad(pod) ? 'Failed' : !started ? 'Pending' : done ? 'Succeeded' : 'Running'
  const ready = phase === 'Running'
  const startedAt = new Date().toISOString()
  return {
    phase,
    conditions: ['Initialized', 'PodScheduled']
      .map((it) => condition(it, true))
      .concat(['ContainersReady', 'Ready'].map((it) => condition(it, ready))),
    containerStatuses: pod.spec.containers.map(({ name, image }) => ({
      name,
      image,
      imageID: image,
      ready,
      restartCount: 0,
      state: ready
        ? { running: { startedAt } }
        : done && phase !== 'Pending'
          ? { terminated: { exitCode: phase === 'Failed' ? 1 : 0, startedAt, finishedAt: startedAt } }
          : { waiting: { reason: 'CreateContainerConfigError', message: reason ?? '' } },
    })),
  }
}

async function tend(pod) {
  const { name, namespace } = pod.metadata
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`
  if (pod.metadata.deletionTimestamp) {
    await ask('DELETE', path, { gracePeriodSeconds: 0 })
    return tell({ pod: name, went: true })
  }
  if (!pod.spec.nodeName) {
    const target = { apiVersion: 'v1', kind: 'Node', name: NODE }
    await ask('POST', `${path}/binding`, { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target })
  }
  const reason = isBad(pod) ? 'an image that does not start' : await missing(pod)
  const status = statusOf(pod, reason)
  const told = pod.status.containerStatuses?.[0]?.state?.waiting?.message
  if (
    pod.status.phase === status.phase &&
    told === (reason && status.phase === 'Pending' ? reason : undefined)
  )
    return
  const { status: code } = await ask('PATCH', `${path}/status`, { status }, 'application/merge-patch+json')
  tell({ pod: name, image: pod.spec.containers[0].image, phase: status.phase, reason, code })
}

async function look() {
  const { body } = await ask('GET', '/api/v1/pods')
  for (const pod of body.items ?? [])
    if (!['Succeeded', 'Failed'].includes(pod.status.phase) || pod.metadata.deletionTimestamp) await tend(pod)
}

for (;;) {
  // A connection that the server ended is made anew at the next look.
  await look().catch((error) => console.error(`${new Date().toISOString()} ${error.message}`))
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
}
