import 'uplot/dist/uPlot.min.css';
import './style.css';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Confirm } from './confirm.tsx';
import { useLive } from './live.ts';
import { Changes } from './pages/changes.tsx';
import { Connections } from './pages/connections.tsx';
import { Drains } from './pages/drains.tsx';
import { Health } from './pages/health.tsx';
import { Knobs } from './pages/knobs.tsx';
import { Overview } from './pages/overview.tsx';
import { Reports } from './pages/reports.tsx';
import { Services } from './pages/services.tsx';
import { Sql } from './pages/sql.tsx';
import { Story, titleOf } from './pages/story.tsx';
import { go, type Place, usePlace } from './route.ts';
import { Unknown } from './unknown.tsx';

interface Page {
  readonly path: string;
  readonly name: string;
  readonly key: string;
  readonly view: (place: Place) => preact.JSX.Element;
  /** Paths below its own are its, too. */
  readonly below?: true;
  /** Of the window, where the name does not say it. */
  readonly title?: (query: URLSearchParams) => string;
}

/** Every page, in the order of the navigation: a new one is a file and a line here, and a word in src/console/pages.ts. */
const PAGES: readonly Page[] = [
  { path: '/overview', name: 'Overview', key: 'o', view: Overview },
  { path: '/services', name: 'Services', key: 'v', view: Services },
  { path: '/drains', name: 'Drain board', key: 'd', view: Drains },
  { path: '/connections', name: 'Connections', key: 'c', view: Connections },
  { path: '/story', name: 'Story', key: 't', view: Story, title: titleOf },
  { path: '/reports', name: 'Reports', key: 'r', view: Reports, below: true },
  { path: '/changes', name: 'Changes', key: 'a', view: Changes },
  { path: '/knobs', name: 'Knobs', key: 'k', view: Knobs },
  { path: '/sql', name: 'SQL', key: 's', view: Sql },
  { path: '/health', name: 'Completeness', key: 'h', view: Health },
];

type Theme = 'auto' | 'light' | 'dark';
const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(() => THEMES.find((one) => one === localStorage.getItem('theme')) ?? 'auto');
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem('theme', theme);
  }, [theme]);
  return [theme, () => setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto')];
}

/** `g` and a letter goes to a page, `/` to the first field, `?` shows this. */
function useKeys(help: () => void): void {
  useEffect(() => {
    let went = 0;
    const pressed = (event: KeyboardEvent): void => {
      const typing = event.target instanceof Element && event.target.matches('input, textarea, select');
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === '?') help();
      else if (event.key === 'g') went = event.timeStamp;
      else if (event.key === '/') {
        event.preventDefault();
        document.querySelector<HTMLElement>('main input, main textarea')?.focus();
      } else if (event.timeStamp - went < 1000) {
        const page = PAGES.find(({ key }) => key === event.key);
        if (page !== undefined) go(page.path);
      }
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}

function App() {
  const place = usePlace();
  const [theme, nextTheme] = useTheme();
  const [help, setHelp] = useState(false);
  const { samples, problem } = useLive();
  useKeys(() => setHelp((shown) => !shown));
  const path = place.path === '/' ? '/overview' : place.path;
  const page = PAGES.find(
    (one) => path === one.path || (one.below === true && /^\/\w+$/.test(path.slice(one.path.length)) && path.startsWith(one.path)),
  );
  const title = page === undefined ? 'No such page' : (page.title?.(place.query) ?? page.name);
  const [menu, setMenu] = useState(false);
  const live = problem === undefined && samples.length > 0;
  useEffect(() => {
    document.querySelector('nav [aria-current="page"]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
    document.title = `${title} · vslog`;
    setMenu(false);
  }, [page, title]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <a class="brand" href="/overview">
          vslog
        </a>
        <button type="button" class="quiet menu" aria-expanded={menu} aria-controls="pages" onClick={() => setMenu(!menu)}>
          {page?.name ?? 'Pages'} <span aria-hidden="true">{menu ? '▴' : '▾'}</span>
        </button>
        <nav id="pages" class={menu ? 'shown' : ''} aria-label="Pages">
          {PAGES.map(({ path: to, name, key }) => (
            <a key={to} href={to} aria-current={page?.path === to ? 'page' : undefined} title={`keys: g ${key}`}>
              {name}
            </a>
          ))}
        </nav>
        <span class={`live ${live ? 'good' : 'bad'}`} role="status" title={live ? 'The status comes once a second.' : (problem ?? '')}>
          {live ? 'live' : 'not live'}
        </span>
        <button
          type="button"
          class="quiet"
          onClick={nextTheme}
          aria-label={`Theme: ${theme}`}
          title="Theme: light, dark, or the system's (auto)"
        >
          <span aria-hidden="true">◐</span> {theme}
        </button>
        <button type="button" class="quiet" onClick={() => setHelp(!help)} aria-label="Keyboard shortcuts" aria-expanded={help}>
          ?
        </button>
      </header>
      {help && (
        <section class="card help" aria-label="Keyboard shortcuts">
          {PAGES.map(({ key, name }) => (
            <span key={key}>
              <kbd>g</kbd> <kbd>{key}</kbd> {name}
            </span>
          ))}
          <span>
            <kbd>/</kbd> first field
          </span>
          <span>
            <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs SQL
          </span>
          <span>
            <kbd>?</kbd> this list
          </span>
        </section>
      )}
      <Confirm />
      <main id="main" tabIndex={-1}>
        {page === undefined ? <Unknown path={place.path} pages={PAGES} /> : <page.view key={path} {...place} path={path} />}
      </main>
    </>
  );
}

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
