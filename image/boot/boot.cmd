# Starts one of the two slots. What the record means: docs/box.md B2; the rest: B3.
# For U-Boot 2025.01 as Debian builds it (qemu_arm64, rpi_arm64). It is called with devtype and devnum set.

# RAM begins at 1 GiB on the board of QEMU, and at 0 on a Raspberry Pi. All lies below 432 MiB, which is what
# a Pi of 512 MiB leaves, and clear of 0x08000000, where QEMU hands a Pi its device tree.
setenv ram 0
if test "${devtype}" = "virtio"; then setenv ram 0x40000000; fi
setexpr record ${ram} + 0x0c000000
setexpr copy ${ram} + 0x0c001000
setexpr text ${ram} + 0x0c010000
setexpr kernel ${ram} + 0x10000000
setexpr kernel_comp_addr_r ${ram} + 0x14000000
setexpr tree ${ram} + 0x18000000
setenv names "BS_SEQ BS_GOOD BS_TRIAL BS_TRIES"

# The newest record that makes sense; slot A, sequence 0, where there is none.
${devtype} dev ${devnum}
setenv seq 0
setenv good A
setenv trial
setenv tries
setenv first
setenv second
if part start ${devtype} ${devnum} bootstate start; then
  setexpr first ${start} + 0
  setexpr second ${start} + 0x20
fi
setenv next ${first}
for at in ${first} ${second}; do
  for name in ${names}; do setenv ${name}; done
  setenv valid
  if ${devtype} read ${record} ${at} 1; then
    if env import -d -c ${record} 0x200 ${names}; then
      if test "${BS_GOOD}" = "A" -o "${BS_GOOD}" = "B"; then setenv valid 1; fi
      if test -n "${BS_TRIAL}"; then
        test "${BS_TRIAL}" = "A" -o "${BS_TRIAL}" = "B" || setenv valid
        test -n "${BS_TRIES}" || setenv valid
      fi
      test 0x${BS_SEQ} -gt 0 || setenv valid
    fi
  fi
  if test -n "${valid}"; then
    if test 0x${BS_SEQ} -ge 0x${seq}; then
      setenv seq ${BS_SEQ}
      setenv good ${BS_GOOD}
      setenv trial ${BS_TRIAL}
      setenv tries ${BS_TRIES}
      if test "${at}" = "${first}"; then setenv next ${second}; else setenv next ${first}; fi
    fi
  fi
done

# A start of a slot on trial is counted before it happens, and not made where it cannot be counted: it would
# be tried for ever. A confirmed start comes by here without writing.
setenv slot ${good}
if test -n "${trial}"; then
  setenv wanted ${good}
  setexpr BS_SEQ ${seq} + 1
  setenv BS_GOOD ${good}
  setenv BS_TRIAL
  setenv BS_TRIES
  if test 0x${tries} -gt 0; then
    setenv wanted ${trial}
    setenv BS_TRIAL ${trial}
    setexpr BS_TRIES ${tries} - 1
  fi
  setenv kept
  if env export -c -s 0x200 ${record} ${names}; then
    if ${devtype} write ${record} ${next} 1; then
      if ${devtype} read ${copy} ${next} 1; then
        if cmp.b ${record} ${copy} 0x200; then setenv kept 1; fi
      fi
    fi
  fi
  if test -n "${kept}"; then
    setenv slot ${wanted}
    setenv seq ${BS_SEQ}
  else
    echo "trunkguard: the record cannot be written; no trial"
  fi
fi

# That slot, or else the other one.
setenv order "A B"
if test "${slot}" = "B"; then setenv order "B A"; fi
# A loop has its variable to itself: one that setenv has made as well would hide it.
for turn in ${order}; do
  setenv slot ${turn}
  setenv letter a
  if test "${slot}" = "B"; then setenv letter b; fi
  setenv ready
  setenv cmdline
  setenv extra
  if part number ${devtype} ${devnum} boot-${letter} from; then
    if load ${devtype} ${devnum}:${from} ${text} slot.env; then
      if env import -d -t ${text} ${filesize} cmdline extra; then
        if load ${devtype} ${devnum}:${from} ${kernel} Image.gz; then
          # No more than was loaded: a kernel that is cut off must not be completed from what lay there before.
          setenv kernel_comp_size ${filesize}
          setenv ready 1
        fi
      fi
    fi
  fi
  # A Pi gets the slot's device tree, which goes with the slot's kernel. U-Boot itself puts in what the Pi's
  # firmware knows better: memory, serial number, MAC address, revision of the chip. QEMU makes its own, and is
  # told only where a kernel's last words are kept (the Pis' overlays say the same).
  setenv fdt ${tree}
  if test "${devtype}" = "virtio"; then
    fdt addr ${fdtcontroladdr}
    fdt move ${fdtcontroladdr} ${tree} 0x110000
    fdt mknode / reserved-memory
    fdt set /reserved-memory '#address-cells' <2>
    fdt set /reserved-memory '#size-cells' <2>
    fdt set /reserved-memory ranges
    fdt mknode /reserved-memory ramoops@4b000000
    fdt set /reserved-memory/ramoops@4b000000 compatible ramoops
    fdt set /reserved-memory/ramoops@4b000000 reg <0 0x4b000000 0 0x80000>
    fdt set /reserved-memory/ramoops@4b000000 record-size <0x10000>
    fdt set /reserved-memory/ramoops@4b000000 console-size <0x20000>
    fdt set /reserved-memory/ramoops@4b000000 max-reason <2>
  else
    setexpr leaf gsub "^.*/" "" "${fdtfile}"
    load ${devtype} ${devnum}:${from} ${tree} dtb/${leaf} || setenv ready
  fi
  if test -n "${ready}"; then
    setenv bootargs "${cmdline} ${extra} root=PARTLABEL=root-${letter} rootfstype=squashfs ro rootwait panic=10 trunkguard.slot=${slot} trunkguard.seq=${seq}"
    echo "trunkguard: slot ${slot} seq ${seq}"
    booti ${kernel} - ${fdt}
  fi
  echo "trunkguard: slot ${slot} does not start"
done
echo "trunkguard: neither slot starts; once more in 30 seconds"
sleep 30
reset
