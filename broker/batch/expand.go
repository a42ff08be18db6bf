package batch

import "io"

// expand decompresses the records section to at most limit bytes.
func expand(codec Codec, data []byte, limit int) ([]byte, error) {
	if codec == Uncompressed {
		return data, nil
	}
	var d decoders
	defer d.close()
	r, err := d.open(codec, data, limit)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, asCompression(err)
	case len(out) > limit:
		return nil, ErrExpansion
	}
	return out, nil
}
