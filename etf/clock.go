package etf

import (
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"time"
)

// makeTime is a time as a binary of RFC 3339, as a number of units since 1970, or
// as {{Year, Month, Day}, {Hour, Minute, Second}} in UTC.
func makeTime(c *coder, f form) {
	switch {
	case f.datetime:
		c.dec, c.enc = decDatetime, encDatetime
	case f.unit != 0:
		c.dec, c.enc = unixTime(f.unit)
	default:
		c.dec, c.enc = decRFC3339, encRFC3339
	}
}

func decRFC3339(d *decoder, p ptr) error {
	off := d.off
	s, err := d.binary()
	if err != nil {
		return err
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return mismatch(off, "time that is not as RFC 3339 has it: %.40q", s)
	}
	*at[time.Time](p) = t
	return nil
}

func encRFC3339(_ *encoder, dst []byte, p ptr) ([]byte, error) {
	t := at[time.Time](p)
	if y := t.Year(); y < 0 || y > 9999 {
		return nil, fmt.Errorf("year %d is not in RFC 3339", y)
	}
	head := len(dst)
	dst = t.AppendFormat(AppendBinary(dst, ""), time.RFC3339Nano)
	appendCount(dst[:head], tagBinary, len(dst)-head-5)
	return dst, nil
}

// unixTime cuts what is less than a unit, towards the past.
func unixTime(unit int64) (func(*decoder, ptr) error, func(*encoder, []byte, ptr) ([]byte, error)) {
	perSecond := int64(time.Second) / unit
	dec := func(d *decoder, p ptr) error {
		n, err := d.integer()
		if err != nil {
			return err
		}
		sec, part := n/perSecond, n%perSecond
		*at[time.Time](p) = time.Unix(sec, part*unit).UTC()
		return nil
	}
	enc := func(_ *encoder, dst []byte, p ptr) ([]byte, error) {
		t := at[time.Time](p)
		sec, part := t.Unix(), int64(t.Nanosecond())/unit
		if sec > (math.MaxInt64-part)/perSecond || sec < math.MinInt64/perSecond {
			n := new(big.Int).Mul(big.NewInt(sec), big.NewInt(perSecond))
			return appendBigInt(dst, n.Add(n, big.NewInt(part)))
		}
		return AppendInt(dst, sec*perSecond+part), nil
	}
	return dec, enc
}

// numbers reads a tuple of integers.
func (d *decoder) numbers(into []int64) error {
	if err := d.tuple(len(into)); err != nil {
		return err
	}
	for i := range into {
		var err error
		if into[i], err = d.integer(); err != nil {
			return err
		}
	}
	d.leave()
	return nil
}

func decDatetime(d *decoder, p ptr) error {
	off := d.off
	if err := d.tuple(2); err != nil {
		return err
	}
	var n [6]int64
	if err := d.numbers(n[:3]); err != nil {
		return err
	}
	if err := d.numbers(n[3:]); err != nil {
		return err
	}
	d.leave()
	for _, part := range n {
		if part < 0 || part > math.MaxInt32 {
			return &placedError{off, errDatetime}
		}
	}
	t := time.Date(int(n[0]), time.Month(n[1]), int(n[2]), int(n[3]), int(n[4]), int(n[5]), 0, time.UTC)
	// Date takes the 31st of February as one in March; Erlang does not.
	y, m, day := t.Date()
	if y != int(n[0]) || m != time.Month(n[1]) || day != int(n[2]) || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		return &placedError{off, errDatetime}
	}
	*at[time.Time](p) = t
	return nil
}

var errDatetime = &MismatchError{"tuple that is no date and time"}

func encDatetime(_ *encoder, dst []byte, p ptr) ([]byte, error) {
	t := at[time.Time](p).UTC()
	y, m, d := t.Date()
	if y < 0 {
		return nil, fmt.Errorf("year %d is before those of a calendar:datetime()", y)
	}
	dst = AppendTuple(AppendTuple(dst, 2), 3)
	for _, n := range []int{y, int(m), d} {
		dst = AppendInt(dst, int64(n))
	}
	dst = AppendTuple(dst, 3)
	for _, n := range []int{t.Hour(), t.Minute(), t.Second()} {
		dst = AppendInt(dst, int64(n))
	}
	return dst, nil
}

// makeDuration is a duration as a whole number of units, milliseconds where none is
// named: every timeout in OTP is.
func makeDuration(c *coder, f form) {
	unit := f.unit
	if unit == 0 {
		unit = int64(time.Millisecond)
	}
	c.dec = func(d *decoder, p ptr) error {
		off := d.off
		n, err := d.integer()
		if err != nil {
			return err
		}
		if n > math.MaxInt64/unit || n < math.MinInt64/unit {
			return mismatch(off, "integer %d does not fit a Go time.Duration", n)
		}
		*at[int64](p) = n * unit
		return nil
	}
	c.enc = func(_ *encoder, dst []byte, p ptr) ([]byte, error) {
		n := *at[int64](p)
		if n%unit != 0 {
			return nil, fmt.Errorf("duration %v is no whole number of %v", time.Duration(n), time.Duration(unit))
		}
		return AppendInt(dst, n/unit), nil
	}
}

// decAddr reads an inet:ip_address(), {A,B,C,D} or eight numbers of 16 bits.
func decAddr(d *decoder, p ptr) error {
	if d.isNil() {
		*at[netip.Addr](p) = netip.Addr{}
		return d.skip()
	}
	off := d.off
	r := Reader{data: d.s, off: off}
	arity, err := r.Tuple()
	if err != nil {
		return err
	}
	if arity != 4 && arity != 8 {
		return &placedError{off, errAddr}
	}
	var n [8]int64
	if err := d.numbers(n[:arity]); err != nil {
		return err
	}
	top := int64(math.MaxUint8)
	if arity == 8 {
		top = math.MaxUint16
	}
	for _, part := range n[:arity] {
		if part < 0 || part > top {
			return &placedError{off, errAddr}
		}
	}
	if arity == 4 {
		*at[netip.Addr](p) = netip.AddrFrom4([4]byte{byte(n[0]), byte(n[1]), byte(n[2]), byte(n[3])})
		return nil
	}
	var b [16]byte
	for i, part := range n {
		b[2*i], b[2*i+1] = byte(part>>8), byte(part)
	}
	*at[netip.Addr](p) = netip.AddrFrom16(b)
	return nil
}

func encAddr(e *encoder, dst []byte, p ptr) ([]byte, error) {
	a := *at[netip.Addr](p)
	switch {
	case !a.IsValid():
		return e.appendNil(dst), nil
	case a.Zone() != "":
		return nil, fmt.Errorf("address %v has a zone, which inet:ip_address() has not", a)
	case a.Is4():
		dst = AppendTuple(dst, 4)
		for _, b := range a.As4() {
			dst = AppendInt(dst, int64(b))
		}
		return dst, nil
	}
	b := a.As16()
	dst = AppendTuple(dst, 8)
	for i := 0; i < 16; i += 2 {
		dst = AppendInt(dst, int64(b[i])<<8|int64(b[i+1]))
	}
	return dst, nil
}

// decAddrPort reads {Address, Port}, as inet:peername/1 returns it.
func decAddrPort(d *decoder, p ptr) error {
	if d.isNil() {
		*at[netip.AddrPort](p) = netip.AddrPort{}
		return d.skip()
	}
	if err := d.tuple(2); err != nil {
		return err
	}
	var a netip.Addr
	if err := decAddr(d, ptr(&a)); err != nil {
		return err
	}
	off := d.off
	port, err := d.integer()
	if err != nil {
		return err
	}
	if port < 0 || port > math.MaxUint16 {
		return mismatch(off, "integer %d is no port", port)
	}
	if !a.IsValid() {
		return mismatch(off, "port %d without an address", port)
	}
	d.leave()
	*at[netip.AddrPort](p) = netip.AddrPortFrom(a, uint16(port))
	return nil
}

func encAddrPort(e *encoder, dst []byte, p ptr) ([]byte, error) {
	a := *at[netip.AddrPort](p)
	if !a.IsValid() {
		if a.Port() != 0 {
			return nil, fmt.Errorf("port %d without an address", a.Port())
		}
		return e.appendNil(dst), nil
	}
	addr := a.Addr()
	dst, err := encAddr(e, AppendTuple(dst, 2), ptr(&addr))
	if err != nil {
		return nil, err
	}
	return AppendInt(dst, int64(a.Port())), nil
}
