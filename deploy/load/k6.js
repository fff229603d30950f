// The requests of `npm run load`, for k6: k6 run -e API_URL=https://csms.example -e API_KEY=sk_... deploy/load/k6.js
// Not run by the project's own tests, which have no k6: `npm run load` asks the same by autocannon.
import { check } from 'k6'
import http from 'k6/http'

const API_URL = __ENV.API_URL || 'http://127.0.0.1:3000'
const PATHS = ['/me', '/sites?limit=50', '/stations?limit=50', '/sessions?limit=50', '/cdrs?limit=50']

export const options = {
  scenarios: {
    reads: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 50),
      timeUnit: '1s',
      duration: __ENV.DURATION || '2m',
      preAllocatedVUs: 20,
      maxVUs: 200,
    },
  },
  thresholds: { http_req_failed: ['rate<0.001'], http_req_duration: ['p(95)<250', 'p(99)<1000'] },
}

export default function () {
  const path = PATHS[__ITER % PATHS.length]
  const answer = http.get(`${API_URL}/api/v1${path}`, {
    headers: { authorization: `Bearer ${__ENV.API_KEY}` },
    tags: { name: path },
  })
  check(answer, { 'is 200': (it) => it.status === 200 })
}
