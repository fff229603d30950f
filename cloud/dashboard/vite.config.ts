import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const API = process.env.SWITCHYARD_URL ?? 'http://127.0.0.1:3000'

export default defineConfig({
  plugins: [react()],
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: API, changeOrigin: false }, '/openapi.json': API },
  },
  build: {
    target: 'es2022',
    // The content security policy allows no data: URLs, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})
