#!/bin/sh
# Makes media/demo.flv, the clip that the demo configuration plays in an endless loop. It is committed; run this only to
# change it. Needs ffmpeg (libx264, drawtext) and a font (FONT=/path/to.ttf, else DejaVu Sans Mono).
#
# The loop has no seam because everything in it has a period of 10.24 s: 256 pictures at 25 fps and 480 AAC frames of 1024
# samples at 48 kHz are both exactly so long; all tones have a whole number of cycles in it, and so have all motions.
# The encoder's priming is cut off: three periods of the sound are encoded and the packets of the middle one are kept, so
# that the first packet of the clip continues its last one.
set -eu
cd "$(dirname "$0")/.."
FONT=${FONT:-/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf}
OUT=${OUT:-media/demo.flv}
[ -r "$FONT" ] || { echo "No font at $FONT: set FONT to a TrueType file." >&2; exit 1; }
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$(dirname "$OUT")"
FF="ffmpeg -hide_banner -loglevel error -nostdin -y"

# Sound: two low tones (2816 and 4224 cycles a period: 275 and 412.5 Hz) that drift between the sides, and a bell (8960
# cycles: 875 Hz) on each of the eight beats of 1.28 s, which fades to nothing before the next.
TONE='0.035*sin(2*PI*275*t)'
FIFTH='0.03*sin(2*PI*412.5*t)'
DRIFT='sin(2*PI*t/10.24)'
BELL='0.10*sin(2*PI*875*mod(t,1.28))*exp(-5*mod(t,1.28))'
$FF -f lavfi -i "aevalsrc='$TONE*(1+0.6*$DRIFT)+$FIFTH*(1-0.6*$DRIFT)+$BELL|$TONE*(1-0.6*$DRIFT)+$FIFTH*(1+0.6*$DRIFT)+$BELL':s=48000:d=30.72" \
  -c:a aac -profile:a aac_low -b:a 96k "$WORK/three.aac"
# Packet 0 holds nothing but priming, so packet 481 begins the second period: 10.2613 s; cut half a packet before it.
$FF -i "$WORK/three.aac" -c copy -ss 10.2507 -frames:a 480 "$WORK/one.aac"

# Picture: slow waves of colour, a radar hand that turns once in 2.56 s (once per group of pictures), a bar that fills
# over the period, the time and the number of the picture.
WAVE='sin(2*PI*(X/W+T/10.24))'
CROSS='sin(2*PI*(Y/H*0.8-2*T/10.24))'
RADIUS='hypot(X-90,Y-90)'
BEHIND='mod(T/2.56-atan2(X-90,90-Y)/(2*PI)+2,1)'
$FF -f lavfi -i "nullsrc=s=160x90:r=25:d=10.24,format=yuv420p,geq=lum='70+22*$WAVE+14*$CROSS':cb='142+24*$WAVE':cr='118+16*$CROSS',scale=640:360:flags=bicubic" \
  -f lavfi -i "nullsrc=s=180x180:r=25:d=10.24,format=yuva420p,geq=lum=235:cb=128:cr=128:a='if(between($RADIUS,80,86),230,if(lt($RADIUS,76),225*pow(1-$BEHIND,3),0))'" \
  -f lavfi -i "color=c=white:s=640x10:r=25:d=10.24" \
  -i "$WORK/one.aac" \
  -filter_complex "[0:v][1:v]overlay=x=60:y=90:format=auto[dial];[dial][2:v]overlay=x='-640+640*(n+1)/256':y=350:eval=frame[bar];\
[bar]drawtext=fontfile=$FONT:fontcolor=white:fontsize=30:x=290:y=104:text='srs-ts demo',\
drawtext=fontfile=$FONT:fontcolor=white:fontsize=52:x=288:y=150:text='%{eif\:mod(t,60)\:d\:2}.%{eif\:mod(round(t*100),100)\:d\:2} s',\
drawtext=fontfile=$FONT:fontcolor=white:fontsize=30:x=290:y=222:text='frame %{eif\:n\:d\:3}'[v]" \
  -map '[v]' -map 3:a \
  -c:v libx264 -preset veryslow -profile:v main -level:v 3.0 -pix_fmt yuv420p -bf 0 -refs 3 -g 64 -keyint_min 64 \
  -sc_threshold 0 -crf 21 -maxrate 900k -bufsize 900k -fflags +bitexact -flags:v +bitexact \
  -c:a copy -flvflags no_sequence_end -f flv "$OUT"
ls -l "$OUT"
