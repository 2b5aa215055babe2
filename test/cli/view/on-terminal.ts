/** A view whose one line says who draws it and how much room it has. Ends by itself: what the tests leave behind does not stay. */
import { BehaviorSubject } from 'rxjs';
import { openScreen } from '../../../lib/cli/view/screen.ts';

openScreen(new BehaviorSubject('view'), (text, { columns, rows }) => [`${text} of ${process.pid}: ${columns} x ${rows};`], process.stdout, { NO_COLOR: '1' });
setTimeout(() => {}, 60_000);
