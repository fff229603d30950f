/** Heading of a page and the document's title. */
import { type ReactNode, useEffect } from 'react'
import classes from './page.module.css'

interface PageProps {
  /** Stands in the browser's tab too. */
  title: string
  /** Small, above the heading: where this belongs. */
  trail?: ReactNode
  /** Beneath the heading. */
  note?: ReactNode
  actions?: ReactNode
  hideTitle?: boolean
  children: ReactNode
}

export function Page({ title, trail, note, actions, hideTitle, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Switchyard`
  }, [title])
  return (
    <div className={classes.page}>
      {!hideTitle && (
        <div className={classes.head}>
          <div className={classes.words}>
            {trail && <div className={classes.trail}>{trail}</div>}
            <h1 className={classes.title}>{title}</h1>
            {note && <div className={classes.note}>{note}</div>}
          </div>
          {actions && <div className={classes.actions}>{actions}</div>}
        </div>
      )}
      {children}
    </div>
  )
}

interface SectionProps {
  title: string
  note?: ReactNode
  actions?: ReactNode
  children: ReactNode
}

export function Section({ title, note, actions, children }: SectionProps) {
  return (
    <section className={classes.section}>
      <div className={classes.sectionHead}>
        <h2 className={classes.sectionTitle}>{title}</h2>
        {note && <span className={classes.note}>{note}</span>}
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
    </section>
  )
}

/** A surface that holds something. */
export function Panel({ children, flush }: { children: ReactNode; flush?: boolean }) {
  return (
    <div className={classes.panel} data-flush={flush || undefined}>
      {children}
    </div>
  )
}
