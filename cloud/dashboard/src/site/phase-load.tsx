/** Current per phase against the limit, as figures with a bar behind them. */
import { currentText } from '../format/energy.ts'
import classes from './phase-load.module.css'

/** From this share of the limit on the bar takes the colour of attention; the figures say it too. */
const NEAR_LIMIT = 0.9

export function PhaseLoad({ usedMa, limitMa }: { usedMa: number[]; limitMa: number | undefined }) {
  return (
    <ul className={classes.phases}>
      {usedMa.slice(0, 3).map((used, index) => {
        const share = limitMa && limitMa > 0 ? Math.min(1, Math.max(0, used / limitMa)) : undefined
        const phase = `L${index + 1}`
        return (
          <li key={phase} className={classes.phase}>
            <span className={classes.label}>{phase}</span>
            <span className={classes.bar} aria-hidden>
              {share !== undefined && (
                <span
                  className={classes.fill}
                  data-near={share >= NEAR_LIMIT || undefined}
                  style={{ width: `${share * 100}%` }}
                />
              )}
            </span>
            <span className={classes.figure}>
              {currentText(used)}
              {limitMa !== undefined && <span className="sy-muted"> / {currentText(limitMa)}</span>}
            </span>
          </li>
        )
      })}
    </ul>
  )
}
