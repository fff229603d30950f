/**
 * Mantine's side of the theme. No style element is ever made at run time (the content security policy allows none), so
 * what differs from Mantine's defaults stands as variables in theme.css, and responsive layout in CSS modules.
 */
import { createTheme, Modal } from '@mantine/core'

export const theme = createTheme({
  primaryColor: 'cyan',
  defaultRadius: 'sm',
  respectReducedMotion: true,
  components: {
    // Locking the scroll would insert a style element.
    Modal: Modal.extend({ defaultProps: { lockScroll: false, centered: true, radius: 'md' } }),
  },
})
