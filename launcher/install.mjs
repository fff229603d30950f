// Brings the npm packages: pnpm through npx, because a newcomer has only Node and git.
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { PROJECT } from './project.mjs'
import { run } from './run.mjs'
import { hashOf, readStamp, writeStamp } from './stamp.mjs'

const STAMP = join(PROJECT, 'node_modules', '.switchyard', 'installed')
const EDGE = join(PROJECT, 'edge-controller')
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
    console.log('Installing packages')
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

/**
 * From Node 22 on the journal uses a build of SQLite that comes ready-made. Below, the addon serves one Node ABI:
 * it is fetched or compiled at the first start, and again after a change of Node's major version.
 */
async function fitSqlite() {
  const opened = await sqliteOpens()
  if (opened.code === 0) return true
  if (nodeMajor() >= FIRST_NODE_OF_13) return explain(opened.lines)
  const folder = realpathSync(join(EDGE, 'node_modules', 'better-sqlite3'))
  const addon = join(folder, 'build', 'Release', 'better_sqlite3.node')
  const kept = keptBuild(folder)
  if (existsSync(kept)) {
    replaceFile(kept, addon)
    if ((await sqliteOpens()).code === 0) return true
  }
  console.log(
    `Building SQLite for Node ${process.versions.node} (1 to 3 minutes where no ready-made build can be fetched)`,
  )
  const { file, args } = npmCommand('npm', ['run', 'install'])
  const { code, lines } = await run(file, args, {
    cwd: folder,
    env: toolEnvironment(),
    show: readableBuild,
    waiting: 'still compiling SQLite',
  })
  if (code !== 0) return explainBuild(lines)
  const again = await sqliteOpens()
  if (again.code !== 0) return explain(again.lines)
  if (isWritable(homedir())) replaceFile(addon, kept)
  return true
}

/** Where this user's build for this Node is kept, so that another checkout needs no minutes for the same. */
function keptBuild(folder) {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const { platform, arch, versions } = process
  return join(
    cache,
    'switchyard',
    `better-sqlite3-${version}-${platform}-${arch}-abi${versions.modules}.node`,
  )
}

/** Whole or not at all: a running program may have the old file open. */
function replaceFile(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, `${to}.${process.pid}`)
  renameSync(`${to}.${process.pid}`, to)
}

/** Keep in step with edge-controller/src/journal/sqlite-driver.ts, which chooses the same way. */
const FIRST_NODE_OF_13 = 22
const nodeMajor = () => Number(process.versions.node.split('.')[0])

const sqliteOpens = () => {
  const name = nodeMajor() >= FIRST_NODE_OF_13 ? 'better-sqlite3-13' : 'better-sqlite3'
  const script = `const S = require('${name}'); new S(':memory:').close()`
  return run(process.execPath, ['-e', script], { cwd: EDGE, show: () => undefined })
}

/** Runs the pinned pnpm under the Node that runs this, whatever else is on the PATH. */
function pnpm(args) {
  const { file, args: all, env } = pnpmCommand(args)
  return run(file, all, { env, show: readable, waiting: 'still at work' })
}

/** The same as a command, for who reads its output whole: `{ file, args, env }`. */
export function pnpmCommand(args) {
  const { packageManager } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'))
  return {
    ...npmCommand('npx', ['-y', packageManager, ...args]),
    env: { ...toolEnvironment(), CI: 'true' },
  }
}

/** npm or npx as the one that runs `npm start`, so that it is of this Node. */
function npmCommand(name, args) {
  const script = process.env.npm_execpath && join(dirname(process.env.npm_execpath), `${name}-cli.js`)
  return script && existsSync(script)
    ? { file: process.execPath, args: [script, ...args] }
    : { file: name, args }
}

function toolEnvironment() {
  const env = { ...process.env, PATH: dirname(process.execPath) + delimiter + process.env.PATH }
  // Set by the npm that runs `npm start`; pnpm would take them for its own settings.
  for (const name of Object.keys(env)) if (name.startsWith('npm_')) delete env[name]
  // Headers that came with this Node spare a compile the download of the same.
  const headers = nodeHeaders()
  if (headers) env.npm_config_nodedir = headers
  if (!isWritable(homedir())) {
    env.HOME = join(PROJECT, '.switchyard', 'tools')
    mkdirSync(env.HOME, { recursive: true })
  }
  return env
}

/** Folder whose include/node holds this Node's headers; npm's own `node` package keeps them beside the program. */
function nodeHeaders() {
  const prefix = dirname(dirname(realpathSync(process.execPath)))
  const folders = [prefix, join(prefix, 'node_modules', `node-${process.platform}-${process.arch}`)]
  return folders.find((it) => existsSync(join(it, 'include', 'node', 'node.h')))
}

/** What a newcomer can use of the tools' output: steps and problems. */
function readable(line) {
  if (/npm warn (Unknown|deprecated|install-scripts)|Unsupported engine/i.test(line)) return undefined
  return line.length > 160 ? `${line.slice(0, 157)}...` : line
}

/** Of a build: what is compiled and what went wrong, not a compiler's every warning. */
function readableBuild(line) {
  // That nothing ready-made could be fetched is no problem where it compiles; explainBuild says it where it does not.
  if (/prebuild-install warn|gyp (ERR! (stack|find Python)|verb|info|http)/.test(line)) return undefined
  if (!/^\s*(CC|CXX|SOLINK_MODULE)\(|\berror\b|ERR!|not found|ENOTFOUND/.test(line)) return undefined
  return readable(line)
}

function isWritable(directory) {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Says what to do about a build of SQLite that failed; always false, to be returned. */
function explainBuild(lines) {
  const missing = BUILD_TOOLS.filter((it) => !isOnPath(it))
  if (missing.length > 0)
    console.error(
      '\nSQLite (better-sqlite3) found no prebuilt binary for this machine, and it cannot be compiled here without\n' +
        `${missing.join(', ')}. Install them, then run the same command again:\n\n    ${NEED_COMPILER}\n\n` +
        'With Node 22 or newer nothing has to be compiled.\n',
    )
  else
    console.error(
      `\nSQLite (better-sqlite3) could not be compiled:\n${lastWords(lines)}\n\nBesides a compiler it needs Node's headers: they come with\n` +
        'Node from nodejs.org, NodeSource or a version manager. With Node 22 or newer nothing has to be compiled.\n',
    )
  return false
}

/** Says what to do about an installation that failed; always false, to be returned. */
function explain(lines) {
  const text = lines.join('\n')
  if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ERR_PNPM_META_FETCH_FAIL|FETCH_ERROR/.test(text))
    console.error(
      "\nThe npm registry could not be reached. Check the network (or npm's proxy settings) and run this again.\n",
    )
  else if (/EACCES|EPERM/.test(text))
    console.error(
      `\nFiles under ${PROJECT} are not writable for this user, perhaps from a run as root.\n` +
        'Give them to this user, or use another checkout.\n',
    )
  else console.error(`\nThe installation failed. Its last words:\n${lastWords(lines)}\n`)
  return false
}

const lastWords = (lines) => lines.slice(-15).join('\n')

function isOnPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return [dirname(process.execPath), ...folders].some((it) => existsSync(join(it, name)))
}
