import { render } from 'preact';
import { Console } from './console.tsx';
import '../theme/tokens.css';
import '../theme/base.css';
import '../theme/page.css';
import './manage.css';

const root = document.getElementById('app');
if (root !== null) render(<Console />, root);
