import { execFileSync } from 'node:child_process';

/** Plain prose, and the numbers that callers say. Enough different sounds a language; nothing else matters about it. */
const TEXTS: readonly (readonly [voice: string, text: string])[] = [
  [
    'en-gb',
    `Good morning, thank you for calling. I would like to pay the invoice that came last week, the one for the heating.
    My reference is four seven one one dash zero eight. Oh, wait a moment, let me find my glasses. Here it is. No, that
    was the old letter. Could you tell me how much is still open? We were away on holiday when it arrived, and the
    neighbours collect our mail. All right, I see. And when would it be taken from my account? Fine. I shall read you the
    number, or do you want me to type it? Aha. Yes, I am ready now. Ooh, sorry, the dog is barking at somebody outside.`,
  ],
  [
    'en-us',
    `Hi there, how are you doing today? I am calling about the order I placed on Tuesday, the blue garden chairs. They
    told me it would be delivered by Friday, but nobody showed up. I already waited an hour on the line. Well, actually
    I wanted to change the address. It is five fifteen Maple Avenue, apartment nine, Oakland. You know what, let us just
    pay for it over the phone. My card is in the other room, hold on. Okay, okay, I have got it. Uh huh. Mm hmm. Awesome.`,
  ],
  [
    'de',
    `Guten Tag, mein Name ist Schröder, ich rufe wegen der offenen Rechnung an. Haben Sie die Kundennummer vor sich? Sie
    lautet achtzehn, zweiundzwanzig, sieben, null, drei. Einen Augenblick bitte, ich muss erst die Unterlagen holen. So,
    da bin ich wieder. Der Betrag war doch neunundvierzig Euro neunzig, oder täusche ich mich? Ach so, mit der Gebühr.
    Gut, dann machen wir das gleich am Telefon. Ja, jawohl. Möchten Sie auch das Ablaufdatum? Schönen Dank und auf Wiederhören.`,
  ],
  [
    'fr-fr',
    `Bonjour madame, je vous appelle au sujet de mon abonnement. J'ai reçu un courrier hier, et je ne comprends pas le
    montant. Pouvez-vous regarder dans mon dossier, s'il vous plaît? Mon numéro de client est le deux cent quarante-six,
    quatre-vingt-onze. Attendez, je cherche ma carte bancaire. Voilà, je l'ai trouvée. Est-ce que je dois taper le code
    maintenant? D'accord, très bien. Oui, oui, non, pas du tout. Merci beaucoup, bonne journée et au revoir.`,
  ],
  [
    'es',
    `Buenas tardes, llamo para pagar la factura de la luz. Hace dos semanas que la tengo encima de la mesa y siempre se me
    olvida. ¿Me puede decir cuánto es en total? El contrato está a nombre de mi mujer, Dolores García. El número empieza
    por ochenta y cuatro, luego cero, cero, nueve. Un momentito, que me llaman a la puerta. Ya estoy aquí. Perfecto,
    vamos a hacerlo ahora mismo. ¿Tengo que marcar los números en el teclado? Vale, muy amable, muchas gracias.`,
  ],
  [
    'it',
    `Pronto, buongiorno, sono Alessandro Colombo. Vorrei pagare la rata dell'assicurazione per la macchina. L'avviso dice
    trecentoventi euro, però l'anno scorso era molto meno. Come mai? Ah, ho capito, è cambiata la categoria. Va bene,
    allora procediamo pure. La tessera ce l'ho qui davanti a me. Aspetti un attimo che accendo la luce, non vedo niente.
    Ecco, adesso sì. Devo dirle anche la scadenza? Ottimo, la ringrazio tanto, arrivederci.`,
  ],
  [
    'pt',
    `Olá, boa noite, queria falar sobre a minha encomenda. Foi enviada na segunda-feira mas ainda não chegou nada. O número
    que me deram é trinta e nove, zero, doze. Também queria pagar a taxa da alfândega, se for possível pelo telefone. Só
    um bocadinho, vou buscar o cartão à carteira. Pronto, já cá está. Quer que eu diga os algarismos ou que os marque?
    Está bem, compreendo perfeitamente. Muito obrigado pela sua ajuda e até à próxima.`,
  ],
  [
    'nl',
    `Goedemiddag, u spreekt met mevrouw van der Meulen. Ik heb een aanmaning gekregen, maar ik weet zeker dat ik betaald
    heb. Kunt u dat even voor mij nakijken? Het factuurnummer is achtenvijftig, zeven, een, nul. O ja, nu zie ik het, dat
    was van de vorige maand. Dan doen we het toch meteen, dat is wel zo makkelijk. Ik pak even mijn pasje erbij. Goed zo,
    zegt u het maar. Moet ik een hekje intoetsen aan het eind? Hartelijk bedankt, en een prettig weekend.`,
  ],
  [
    'pl',
    `Dzień dobry, dzwonię w sprawie rachunku za telefon. Wydaje mi się, że kwota się nie zgadza. Czy może pani sprawdzić,
    ile dokładnie mam zapłacić? Mój numer klienta to dwadzieścia jeden, osiem, pięć, zero. Proszę chwileczkę poczekać,
    szukam okularów. Już mam, dziękuję za cierpliwość. Chciałbym zapłacić kartą od razu przez telefon. Rozumiem, mam
    wpisać cyfry na klawiaturze. Dobrze, wszystko jasne, do widzenia.`,
  ],
  [
    'sv',
    `Hej, det är Karin Lindqvist som ringer. Jag har fått en påminnelse om en faktura som jag aldrig har sett. Kan du
    hjälpa mig att titta på den? Kundnumret är sju, noll, tjugoett, nitton. Jaha, den gällde alltså i oktober. Då betalar
    jag den på en gång, så är det gjort. Vänta lite, jag ska bara hämta kortet i köket. Så där ja, nu är jag tillbaka. Ska
    jag slå in siffrorna själv? Okej, vad bra, tack så jättemycket för hjälpen, hej då.`,
  ],
  [
    'tr',
    `İyi günler, elektrik faturamı ödemek istiyorum. Geçen ay da gecikmiştim, kusura bakmayın. Abone numaram kırk iki, on
    sekiz, sıfır, beş. Bir dakika lütfen, kartımı çantamdan çıkarayım. Tamam, buldum, hazırım. Toplam ne kadar tuttu?
    Anladım, gecikme ücreti de var. Numarayı tuşlara basarak mı gireyim? Peki, çok teşekkür ederim, hoşça kalın.`,
  ],
  [
    'hi',
    `नमस्ते, मैं अपने बिल के बारे में बात करना चाहता हूँ। पिछले महीने का पैसा अभी तक जमा नहीं हुआ है। मेरा ग्राहक नंबर
    बयालीस, सात, शून्य, नौ है। ज़रा एक मिनट रुकिए, मैं कार्ड ढूँढ रहा हूँ। हाँ जी, मिल गया। कुल कितना देना होगा? ठीक है, मैं अभी
    फ़ोन पर ही भुगतान कर देता हूँ। क्या मुझे नंबर दबाना है? बहुत बहुत धन्यवाद, नमस्कार।`,
  ],
];

/** Speakers: espeak-ng variant, words a minute, pitch 0–99. High voices are the hard ones: few, strong partials. */
const SPEAKERS: readonly (readonly [variant: string, rate: number, pitch: number])[] = [
  ['m1', 150, 35],
  ['m3', 175, 50],
  ['m7', 165, 20],
  ['f1', 160, 55],
  ['f3', 170, 75],
  ['f4', 145, 95],
];

function speak(voice: string, variant: string, rate: number, pitch: number, text: string): Int16Array {
  const wav = execFileSync(
    'espeak-ng',
    ['-v', `${voice}+${variant}`, '-s', String(rate), '-p', String(pitch), '--stdout', '--', text],
    { maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const raw = execFileSync(
    'sox',
    ['-G', '-t', 'wav', '-', '-r', '8000', '-c', '1', '-b', '16', '-e', 'signed', '-t', 'raw', '-'],
    { input: wav, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'ignore'] },
  );
  const samples = new Int16Array(Math.floor(raw.length / 2));
  for (let index = 0; index < samples.length; index += 1) samples[index] = raw.readInt16LE(index * 2);
  return samples;
}

/** Speech at 8 kHz, one piece a language and speaker, until at least `seconds` of it have been given. */
export function* speech(seconds: number): Generator<Int16Array> {
  let samples = 0;
  for (let round = 0; samples < seconds * 8000; round += 1) {
    for (const [index, [voice, text]] of TEXTS.entries()) {
      const [variant, rate, pitch] = SPEAKERS[(index + round) % SPEAKERS.length] ?? ['m1', 160, 50];
      const piece = speak(voice, variant, rate + (round % 3) * 7, Math.min(99, pitch + round), text);
      samples += piece.length;
      yield piece;
    }
  }
}
