/** Sign in by e-mail and password; the server answers with an HttpOnly cookie, and nothing is kept in the page. */
import { Button, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useRouter } from '@tanstack/react-router'
import { type FormEvent, useEffect } from 'react'
import { signIn } from '../api/actions.ts'
import { ProblemError } from '../api/problem.ts'
import { Failed } from '../ui/states.tsx'
import classes from './sign-in-page.module.css'

const route = getRouteApi('/sign-in')

export function SignInPage() {
  const { to } = route.useSearch()
  const router = useRouter()
  const queryClient = useQueryClient()
  useEffect(() => {
    document.title = 'Sign in · Switchyard'
  }, [])

  const signingIn = useMutation({
    mutationFn: ({ email, password }: { email: string; password: string }) => signIn(email, password),
    onSuccess: () => {
      queryClient.clear()
      router.history.push(to ?? '/')
    },
  })

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    signingIn.mutate({
      email: String(fields.get('email') ?? '').trim(),
      password: String(fields.get('password') ?? ''),
    })
  }

  const refused = signingIn.error instanceof ProblemError && signingIn.error.status === 401
  return (
    <main className={classes.page}>
      <form className={classes.form} onSubmit={submit}>
        <div className={classes.brand}>
          <img src="/favicon.svg" alt="" width={32} height={32} />
          <h1>Switchyard</h1>
        </div>
        <TextInput
          label="E-mail"
          name="email"
          type="email"
          autoComplete="username"
          required
          withAsterisk={false}
          autoFocus
        />
        <PasswordInput
          label="Password"
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
        />
        {refused ? (
          <p className={classes.refused} role="alert">
            E-mail or password is wrong.
          </p>
        ) : (
          signingIn.error && <Failed error={signingIn.error} />
        )}
        <Button type="submit" loading={signingIn.isPending} fullWidth>
          Sign in
        </Button>
        <p className={classes.hint}>
          The first start of a system makes an operator account; it stands in <code>credentials.json</code> of
          its data directory.
        </p>
      </form>
    </main>
  )
}
