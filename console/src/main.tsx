import { render } from 'preact';
import { App } from './components/app.tsx';
import './theme/tokens.css';
import './theme/base.css';
import './theme/page.css';
import './theme/player.css';

const root = document.getElementById('app');
if (root !== null) render(<App />, root);
