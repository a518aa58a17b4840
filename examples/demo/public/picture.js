/** Draws a landscape when there is no photograph at hand, so that there are always real bytes to upload. */

const [WIDTH, HEIGHT] = [1280, 960]

/** @returns {Promise<Blob>} a JPEG, another one each time */
export function drawLandscape() {
  const canvas = document.createElement('canvas')
  canvas.width = WIDTH
  canvas.height = HEIGHT
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
  const hue = Math.random() * 360
  drawSky(pen, hue)
  for (let layer = 0; layer < 4; layer++) drawHills(pen, hue, layer)
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', 0.85)
  })
}

function drawSky(pen, hue) {
  const sky = pen.createLinearGradient(0, 0, 0, HEIGHT)
  sky.addColorStop(0, `hsl(${hue} 45% 62%)`)
  sky.addColorStop(0.7, `hsl(${hue + 40} 75% 86%)`)
  pen.fillStyle = sky
  pen.fillRect(0, 0, WIDTH, HEIGHT)
  pen.fillStyle = `hsl(${hue + 60} 90% 94%)`
  pen.beginPath()
  pen.arc(WIDTH * (0.2 + Math.random() * 0.6), HEIGHT * (0.22 + Math.random() * 0.2), 90, 0, Math.PI * 2)
  pen.fill()
}

/** Nearer hills are lower and darker. */
function drawHills(pen, hue, layer) {
  const phase = Math.random() * 9
  const base = HEIGHT * (0.5 + layer * 0.13)
  pen.fillStyle = `hsl(${hue + layer * 8} ${30 + layer * 6}% ${62 - layer * 13}%)`
  pen.beginPath()
  pen.moveTo(0, HEIGHT)
  for (let x = 0; x <= WIDTH; x += 8) {
    const rise = Math.sin(x / 170 + phase) * 60 + Math.sin(x / 61 + phase * 3) * 18
    pen.lineTo(x, base - rise)
  }
  pen.lineTo(WIDTH, HEIGHT)
  pen.fill()
}
