/** By what a station proves who it is, and the commands that change it without locking it out. */
import { Button } from '@mantine/core'
import type { Station } from '@switchyard/protocol/api/stations.ts'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { setRevokedCertificates } from '../api/actions.ts'
import { keys } from '../api/keys.ts'
import { FactItem, Facts } from '../ui/facts.tsx'
import { Panel, Section } from '../ui/page.tsx'
import { Failed } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import { SecurityDialog, type SecurityIntention } from './security-dialog.tsx'
import classes from './station-commands.module.css'

/** OCPP security profiles in words (OCPP 2.0.1 part 2, A.1.3; security whitepaper of 1.6, section 2). */
const PROFILES = [
  'none',
  'basic authentication',
  'TLS and basic authentication',
  'TLS with certificates of both sides',
]
const HIGHEST = PROFILES.length - 1

function profileText(profile: number | null): string {
  return profile === null ? 'no connection yet' : `${profile}: ${PROFILES[profile] ?? 'not known'}`
}

export function StationSecurity({ station, zone }: { station: Station; zone: string }) {
  const [intention, setIntention] = useState<SecurityIntention | null>(null)
  const { securityProfile, minSecurityProfile, certificate } = station
  return (
    <Section title="Security">
      <Panel>
        <Facts>
          <FactItem name="Security profile">{profileText(securityProfile)}</FactItem>
          <FactItem name="Lowest that is taken">
            {minSecurityProfile === null ? 'as its OCPP version asks for' : profileText(minSecurityProfile)}
          </FactItem>
          <FactItem name="Password">
            {station.passwordSet ? 'set' : 'none'}
            {station.passwordRotating && ', a new one is on its way'}
          </FactItem>
          <FactItem name="Name in its certificate">{station.certificateCn ?? station.stationId}</FactItem>
          <FactItem name="Certificate">
            {certificate === null ? (
              'none signed by its site'
            ) : (
              <>
                <code>{certificate.serialNumber}</code>, until <Time at={certificate.notAfter} zone={zone} />
              </>
            )}
          </FactItem>
          <FactItem name="Revoked">
            {station.revokedCertificates.length === 0
              ? 'none'
              : station.revokedCertificates.map((serial) => <code key={serial}>{serial} </code>)}
          </FactItem>
        </Facts>
        <div className={classes.buttons} data-below>
          {(securityProfile ?? 0) < HIGHEST && (
            <Button size="xs" variant="default" onClick={() => setIntention('UpgradeSecurityProfile')}>
              Raise the security profile…
            </Button>
          )}
          <Button size="xs" variant="default" onClick={() => setIntention('RotatePassword')}>
            New password…
          </Button>
          <Button size="xs" variant="default" onClick={() => setIntention('RotateCertificate')}>
            New certificate…
          </Button>
          {certificate && !station.revokedCertificates.includes(certificate.serialNumber) && (
            <Revoke station={station} serialNumber={certificate.serialNumber} />
          )}
        </div>
      </Panel>
      {intention && (
        <SecurityDialog
          key={intention}
          intention={intention}
          stationId={station.stationId}
          above={securityProfile ?? 0}
          onClose={() => setIntention(null)}
        />
      )}
    </Section>
  )
}

/** Pressed twice: a connection that came with the certificate is closed at once. */
function Revoke({ station, serialNumber }: { station: Station; serialNumber: string }): ReactNode {
  const queryClient = useQueryClient()
  const [sure, setSure] = useState(false)
  const revoking = useMutation({
    mutationFn: () =>
      setRevokedCertificates(station.stationId, [...station.revokedCertificates, serialNumber]),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: keys.stations }),
  })
  return (
    <>
      <Button
        size="xs"
        variant={sure ? 'filled' : 'default'}
        loading={revoking.isPending}
        onClick={() => (sure ? revoking.mutate() : setSure(true))}
      >
        {sure ? 'Revoke: it is refused from now on' : 'Revoke its certificate…'}
      </Button>
      {revoking.error ? <Failed error={revoking.error} /> : null}
    </>
  )
}
