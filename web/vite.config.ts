import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

// Kit's version is a timestamp by default; scripts/build.mjs passes one made from the content, so
// that the same sources give the same bytes.
const version = process.env['TACET_BUILD_ID'] ?? 'dev';

export default defineConfig({
	plugins: [
		tailwindcss(),
		sveltekit({
			adapter: adapter({ fallback: 'index.html', pages: 'build', assets: 'build' }),
			version: { name: version },
			csp: {
				mode: 'hash',
				directives: {
					'default-src': ['none'],
					'script-src': ['self', 'wasm-unsafe-eval'],
					'style-src': ['self'],
					// Kit's route announcer carries one inline style.
					'style-src-attr': [
						'unsafe-hashes',
						'sha256-S8qMpvofolR8Mpjy4kQvEm7m1q8clzU4dfDH0AmvZjo='
					],
					'connect-src': ['self'],
					'img-src': ['self', 'data:', 'blob:'],
					'font-src': ['self'],
					'worker-src': ['self'],
					'manifest-src': ['self'],
					'base-uri': ['none'],
					'form-action': ['none'],
					'require-trusted-types-for': ['script'],
					'trusted-types': ['sveltekit-trusted-url', 'svelte-trusted-html', 'tacet-worker']
				}
			}
		})
	],
	worker: { format: 'es' },
	server: { fs: { allow: ['..'] } }
});
