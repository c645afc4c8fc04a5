//! Updates: looking for one, downloading it, and what a trial ends in.

use core::convert::Infallible;

use defmt::Display2Format;
use embassy_net::Stack;
use embassy_net::dns::DnsSocket;
use embassy_net::tcp::client::{TcpClient, TcpClientState};
use embassy_rp::flash::{Blocking, Flash};
use embassy_rp::peripherals::FLASH;
use embassy_time::{Delay, Duration, Timer};
use ota_bootloader::{BootState, ConfirmError, OneFlash, Updater};
use ota_client::{Config, Download, Outcome, Range, Source};
use ota_http::{HttpSource, Tcp, Url};
use ota_image::SoftwareCrypto;
use ota_rp2040::FLASH_SIZE;
use rp2040_product::{ANCHORS, PRODUCT};

use crate::settings::{self, BEHAVIOUR, Behaviour};

/// The flash of the board.
pub(crate) type BoardFlash = Flash<'static, FLASH, Blocking, FLASH_SIZE>;
type BoardUpdater<'f> = Updater<'static, OneFlash<&'f mut BoardFlash>, SoftwareCrypto>;

/// One connection at a time, and room for a few segments.
type Connections = TcpClientState<1, 1024, 8192>;

/// One chunk: the largest that the flash map allows.
const CHUNK: usize = PRODUCT.map.largest_chunk() as usize;

/// The device, as far as updates are concerned.
pub(crate) struct Device {
    flash: BoardFlash,
    stack: Stack<'static>,
    seed: u32,
    chunk: [u8; CHUNK],
    head: [u8; 1024],
}

impl Device {
    /// The address seeds the back-off, so that a fleet does not come back all at once.
    pub(crate) fn new(flash: BoardFlash, stack: Stack<'static>, mac: [u8; 6]) -> Self {
        let [_, _, a, b, c, d] = mac;
        Self {
            flash,
            stack,
            seed: u32::from_le_bytes([a, b, c, d]),
            chunk: [0; CHUNK],
            head: [0; 1024],
        }
    }

    /// Whether this release has to prove itself.
    pub(crate) fn on_trial(&mut self) -> bool {
        let trial = matches!(open(&mut self.flash).record().state, BootState::Trial(_));
        if !trial {
            defmt::info!("not on trial");
        }
        trial
    }

    /// All checks of the trial passed: this release stays.
    pub(crate) fn confirm(&mut self) {
        match open(&mut self.flash).confirm(&ANCHORS) {
            Ok(_) => defmt::info!("confirmed"),
            Err(error) => {
                defmt::error!(
                    "not confirmed, {=u16:#x}: {}",
                    error.code(),
                    Display2Format(&error)
                );
                // A flash that does not take it is no reason to stop: at the next reset the
                // former release comes back.
                if error != ConfirmError::Flash {
                    ota_rp2040::reset();
                }
            }
        }
    }

    /// This check did not pass in time: this start is over.
    pub(crate) fn give_up(&mut self, check: &str) -> ! {
        defmt::error!("unhealthy: no {=str}; giving up", check);
        if let Err(error) = open(&mut self.flash).give_up() {
            defmt::error!("not recorded, {=u16:#x}", error.code());
        }
        ota_rp2040::reset()
    }

    /// Returns as soon as the server has answered.
    pub(crate) async fn reach_server(&mut self) {
        let connections = Connections::new();
        let tcp = TcpClient::new(self.stack, &connections);
        let dns = DnsSocket::new(self.stack);
        let url = url();
        let mut source = source(&tcp, &dns, &url, &mut self.head);
        loop {
            if BEHAVIOUR != Behaviour::Offline {
                let range = Range {
                    offset: 0,
                    length: 1,
                };
                match source.open(range).await {
                    Ok(_) => return,
                    Err(error) => defmt::warn!("server: {}", Display2Format(&error)),
                }
            }
            Timer::after(Duration::from_secs(1)).await;
        }
    }

    /// Looks for an update now and then, for ever.
    pub(crate) async fn keep_up_to_date(&mut self) -> Infallible {
        loop {
            self.check().await;
            Timer::after(settings::CHECK_INTERVAL).await;
        }
    }

    /// Looks for an update; if there is one, downloads it and resets into it.
    async fn check(&mut self) {
        let connections = Connections::new();
        let tcp = TcpClient::new(self.stack, &connections);
        let dns = DnsSocket::new(self.stack);
        let url = url();
        let source = source(&tcp, &dns, &url, &mut self.head);
        let config = Config {
            seed: self.seed,
            ..Config::DEFAULT
        };
        let mut updater = open(&mut self.flash);
        let mut download = Download::new(config, &mut self.chunk);
        defmt::info!("looking for an update");
        match ota_client::run(&mut download, &mut updater, &ANCHORS, source, Delay).await {
            Ok(Outcome::UpToDate) => defmt::info!("up to date"),
            Ok(Outcome::Staged(image)) => match updater.request(image) {
                Ok(()) => {
                    defmt::info!("staged; resetting");
                    reset_after(updater.reset_pause_s()).await;
                }
                Err(error) => {
                    defmt::error!("not requested, {=u16:#x}", error.code());
                }
            },
            Ok(Outcome::AlreadyStaged) => {
                defmt::info!("staged before; resetting");
                reset_after(updater.reset_pause_s()).await;
            }
            Err(error) => {
                defmt::warn!(
                    "no update, {=u16:#x}: {}",
                    error.code(),
                    Display2Format(&error)
                );
            }
        }
    }
}

/// Resets into what is staged; not at once, if updates have come to nothing here.
async fn reset_after(seconds: u32) -> ! {
    Timer::after(Duration::from_secs(seconds.into())).await;
    ota_rp2040::reset()
}

/// Opens the update state. The bootloader has checked map and journal at every start, so that
/// failing here means that this image was built for another one.
fn open(flash: &mut BoardFlash) -> BoardUpdater<'_> {
    let storage = match OneFlash::new(flash, PRODUCT.map) {
        Ok(storage) => storage,
        Err(error) => panic!("{error}"),
    };
    match Updater::open(&PRODUCT, storage, SoftwareCrypto) {
        Ok(updater) => updater,
        Err(error) => panic!("{error}"),
    }
}

type Client<'s> = TcpClient<'s, 1, 1024, 8192>;
type Server<'s> = HttpSource<'s, Tcp<'s, Client<'s>, DnsSocket<'s>>>;

fn url() -> Url<'static> {
    match Url::parse(settings::URL) {
        Ok(url) => url,
        Err(error) => panic!("{}: {error}", settings::URL),
    }
}

fn source<'s>(
    tcp: &'s Client<'s>,
    dns: &'s DnsSocket<'s>,
    url: &Url<'s>,
    head: &'s mut [u8],
) -> Server<'s> {
    let Some(connect) = Tcp::new(tcp, dns, url) else {
        panic!("{}: this example has no TLS", settings::URL);
    };
    HttpSource::new(connect, *url, head)
}
