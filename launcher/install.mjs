// Brings the npm packages: pnpm through npx, because a newcomer has only Node and git.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { PROJECT } from './project.mjs'
import { run } from './run.mjs'
import { hashOf, readStamp, writeStamp } from './stamp.mjs'

const STAMP = join(PROJECT, 'node_modules', '.switchyard', 'installed')
const BUILD_TOOLS = ['python3', 'make', 'g++']
const NEED_COMPILER = 'apt-get install -y python3 make g++'

/** Folders of the workspace's packages: the list at the head of pnpm-workspace.yaml. */
function workspaceFolders() {
  const text = readFileSync(join(PROJECT, 'pnpm-workspace.yaml'), 'utf8')
  const list = /^packages:\n((?:\s+- .*\n)+)/m.exec(text)
  return list ? list[1].match(/[\w-]+(?:\/[\w-]+)*(?=['"]?$)/gm) : []
}

/** Installs what the lockfile names unless that is what lies there, and makes SQLite's addon fit this Node. */
export async function install() {
  const wanted = hashOf(
    [
      'pnpm-lock.yaml',
      'pnpm-workspace.yaml',
      'package.json',
      ...workspaceFolders().map((it) => `${it}/package.json`),
    ],
    `${process.platform} ${process.arch}`,
  )
  if (readStamp(STAMP) !== wanted) {
    console.log('Installing packages (the first time takes some minutes; SQLite may have to be compiled)')
    const { code, lines } = await pnpm([
      'install',
      '--frozen-lockfile',
      '--reporter=append-only',
      '--config.confirmModulesPurge=false',
    ])
    if (code !== 0) return explain(lines)
    writeStamp(STAMP, wanted)
  }
  return fitSqlite()
}

/** A native addon serves one Node ABI; after a change of Node's major version it is built again. */
async function fitSqlite() {
  if ((await sqliteOpens()).code === 0) return true
  console.log(`SQLite's addon does not fit Node ${process.versions.node}: building it again (1 to 3 minutes)`)
  const { code, lines } = await pnpm([
    'rebuild',
    '--reporter=append-only',
    '--filter',
    '@switchyard/edge-controller',
    'better-sqlite3',
  ])
  if (code !== 0) return explain(lines)
  const opened = await sqliteOpens()
  return opened.code === 0 || explain(opened.lines)
}

const sqliteOpens = () =>
  run(process.execPath, ['-e', "const S = require('better-sqlite3'); new S(':memory:').close()"], {
    cwd: join(PROJECT, 'edge-controller'),
    show: () => undefined,
  })

/** Runs the pinned pnpm under the Node that runs this, whatever else is on the PATH. */
function pnpm(args) {
  const { packageManager } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'))
  const env = { ...process.env, PATH: dirname(process.execPath) + delimiter + process.env.PATH, CI: 'true' }
  // Set by the npm that runs `npm start`; pnpm would take them for its own settings.
  for (const name of Object.keys(env)) if (name.startsWith('npm_')) delete env[name]
  // Headers that came with this Node spare a compile the download of the same.
  const headers = nodeHeaders()
  if (headers) env.npm_config_nodedir = headers
  if (!isWritable(homedir())) {
    env.HOME = join(PROJECT, '.switchyard', 'tools')
    mkdirSync(env.HOME, { recursive: true })
  }
  const npx = process.env.npm_execpath && join(dirname(process.env.npm_execpath), 'npx-cli.js')
  const [command, first] = npx && existsSync(npx) ? [process.execPath, [npx]] : ['npx', []]
  return run(command, [...first, '-y', packageManager, ...args], {
    env,
    show: readable,
    waiting: (line) =>
      /better-sqlite3/.test(line) ? 'compiling SQLite takes 1 to 3 minutes' : 'still at work',
  })
}

/** Folder whose include/node holds this Node's headers; npm's own `node` package keeps them beside the program. */
function nodeHeaders() {
  const prefix = dirname(dirname(realpathSync(process.execPath)))
  const folders = [prefix, join(prefix, 'node_modules', `node-${process.platform}-${process.arch}`)]
  return folders.find((it) => existsSync(join(it, 'include', 'node', 'node.h')))
}

/** What a newcomer can use of the tools' output: steps and problems, not a compiler's every warning. */
function readable(line) {
  if (/npm warn (Unknown|deprecated|install-scripts)/i.test(line)) return undefined
  const script = /^\S+ (?:pre|post)?install: (.*)$/.exec(line)
  if (
    script &&
    !/^\s*(CC|CXX|SOLINK_MODULE)\(|\berror\b|ERR!|not found|ENOTFOUND|Done|Failed/.test(script[1])
  )
    return undefined
  if (script && /gyp (ERR! (stack|find Python)|verb|info|http)/.test(script[1])) return undefined
  return line.length > 160 ? `${line.slice(0, 157)}...` : line
}

function isWritable(directory) {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Says what to do about an installation that failed; always false, to be returned. */
function explain(lines) {
  const text = lines.join('\n')
  const missing = BUILD_TOOLS.filter((it) => !isOnPath(it))
  if (/better-sqlite3 install: .*(gyp ERR!|not found|Failed)/.test(text) && missing.length > 0)
    console.error(
      '\nSQLite (better-sqlite3) found no prebuilt binary for this machine, and it cannot be compiled here without\n' +
        `${missing.join(', ')}. Install them, then run the same command again:\n\n    ${NEED_COMPILER}\n`,
    )
  else if (/better-sqlite3 install: .*gyp ERR!/.test(text))
    console.error(
      "\nSQLite (better-sqlite3) could not be compiled; its last words are above. Besides a compiler it needs Node's headers:\n" +
        'they come with Node from nodejs.org, NodeSource or a version manager, or are downloaded from nodejs.org.\n',
    )
  else if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ERR_PNPM_META_FETCH_FAIL|FETCH_ERROR/.test(text))
    console.error(
      "\nThe npm registry could not be reached. Check the network (or npm's proxy settings) and run this again.\n",
    )
  else if (/EACCES|EPERM/.test(text))
    console.error(
      `\nFiles under ${PROJECT} are not writable for this user, perhaps from a run as root.\n` +
        'Give them to this user, or use another checkout.\n',
    )
  else console.error(`\nThe installation failed. Its last words:\n${lines.slice(-15).join('\n')}\n`)
  return false
}

function isOnPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return [dirname(process.execPath), ...folders].some((it) => existsSync(join(it, name)))
}
