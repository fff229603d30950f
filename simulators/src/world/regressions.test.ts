import { expect, it } from 'vitest'
import { World } from './world.ts'

/** Seeds that broke a promise once, with what they found. A change of what worlds draw makes other worlds of them: they stay as they are. */
const FOUND: readonly { seed: number; what: string }[] = [
  {
    seed: 79,
    what: 'a time counted back from the monotonic clock had half a millisecond, and the session.ended with it was poison',
  },
  {
    seed: 6327,
    what: 'a status that came while the disk was full was never told again, and the session on its connector ran for ever',
  },
  {
    seed: 57715,
    what: 'a station was billed by the wrong time that its box had told it, long after the box knew better',
  },
  {
    seed: 2402,
    what: 'the world read one card while another box still wrote that a command had expired, and missed that row in the cloud',
  },
  {
    seed: 10328,
    what: 'after a restore of the cloud, the other box wrote where rows of before the fork had been, and these never came again',
  },
  {
    seed: 55252,
    what: 'a cloud that went back to before a fork never got the rows of the journal before it again',
  },
  {
    seed: 31,
    what: 'a station that a fresh card did not know was refused for ever, for nobody asked it to boot',
  },
  {
    seed: 33331,
    what: 'the world missed rows of a damaged card whose word of them went with the card, which was replaced while the internet was gone',
  },
]

it.each(FOUND)('$seed: $what', async ({ seed }) => {
  expect((await World.run(seed)).violations).toEqual([])
})
